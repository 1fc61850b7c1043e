"""Names: the one rule for what an organization, a workspace or a key may be called."""

from jeton.identity.errors import InvalidEmailError, InvalidNameError

NAME_CHARS_MAX = 200
EMAIL_CHARS_MAX = 320
REFERENCE_CHARS_MAX = 100


def parse_name(text: str) -> str:
    """A name without surrounding space; InvalidNameError when empty, too long or unprintable."""
    name = text.strip()
    if not 1 <= len(name) <= NAME_CHARS_MAX or not name.isprintable():
        raise InvalidNameError(len(name), NAME_CHARS_MAX)
    return name


def parse_reference(text: str) -> str:
    """A cost centre or an order number, "" for none; InvalidNameError when too long or unprintable."""
    reference = text.strip()
    if len(reference) > REFERENCE_CHARS_MAX or not reference.isprintable():
        raise InvalidNameError(len(reference), REFERENCE_CHARS_MAX)
    return reference


def parse_email(text: str) -> str:
    """An e-mail in lower case, as it is stored and compared; else InvalidEmailError."""
    email = text.strip().lower()
    local, at, domain = email.rpartition("@")
    is_plausible = bool(local and at and domain) and email.isprintable() and " " not in email
    if not is_plausible or len(email) > EMAIL_CHARS_MAX:
        raise InvalidEmailError(email[:EMAIL_CHARS_MAX])
    return email
