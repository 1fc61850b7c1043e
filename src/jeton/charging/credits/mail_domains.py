"""Mail domains: to whom a trial counts, out of an e-mail address. Pure.

An organization's own domain counts as a whole, however its subdomains and spelling vary. A domain
where everybody gets an address says nothing, so there the address itself counts, without what its
holder may vary freely.
"""

# Where everybody gets an address for nothing.
PUBLIC_DOMAINS = frozenset(
    {
        "aol.com", "duck.com", "fastmail.com", "gmail.com", "gmx.at", "gmx.ch", "gmx.com", "gmx.de",
        "gmx.net", "googlemail.com", "hey.com", "hotmail.com", "icloud.com", "live.com", "mac.com",
        "mail.com", "mail.ru", "me.com", "msn.com", "naver.com", "outlook.com", "pm.me", "proton.me",
        "protonmail.com", "qq.com", "tutanota.com", "web.de", "yahoo.com", "yandex.com", "yandex.ru",
        "zoho.com", "126.com", "163.com",
    }
)  # fmt: skip
_DOTLESS = frozenset({"gmail.com", "googlemail.com"})

# Second-level names under which countries sell the third: example.co.uk is the domain, not co.uk.
_SHARED = frozenset({"ac", "co", "com", "edu", "go", "gob", "gov", "gv", "ne", "net", "nom", "or", "org"})
_COUNTRY_LETTERS = 2
_LABELS_OF_SHARED = 3
_LABELS = 2


def find_subject(email: str, further_public: frozenset[str] = frozenset()) -> str:
    """The domain to which a trial of this address counts, or the plain address on a public domain.

    ``Ada+1@Mail.Example.co.uk`` counts to ``example.co.uk``, ``a.da+x@gmail.com`` to ``ada@gmail.com``.
    """
    local, _, host = email.strip().lower().rpartition("@")
    domain = _registrable(_in_ascii(host.strip(".")))
    if domain not in PUBLIC_DOMAINS and domain not in further_public:
        return domain
    local = local.partition("+")[0]
    if domain in _DOTLESS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def _in_ascii(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _registrable(host: str) -> str:
    labels = host.split(".")
    is_shared = len(labels) > _LABELS and len(labels[-1]) == _COUNTRY_LETTERS and labels[-2] in _SHARED
    return ".".join(labels[-(_LABELS_OF_SHARED if is_shared else _LABELS) :])
