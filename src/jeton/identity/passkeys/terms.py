"""Terms: for which site passkeys are made and believed, and why one is not.

A passkey is of a domain and no other: what is made here opens nothing under another name, and nothing that
another site was given opens anything here.
"""

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from jeton.errors import ConflictError, NotAuthenticatedError, NotFoundError, NotPermittedError

LOCALHOST = "localhost"
PASSKEYS_MAX = 20


@dataclass(frozen=True, slots=True)
class Party:
    """The site as an authenticator knows it: its domain, its pages' origin, and what people call it."""

    domain: str
    origin: str
    name: str


def find_party(url: str, name: str) -> Party | None:
    """The party of a site's address; None where browsers know no passkeys: without https, or by an IP.

    ``https://jeton.example/`` is the domain jeton.example; of http only localhost counts as safe.
    """
    try:
        parts = urlsplit(url)
        domain = parts.hostname or ""
    except ValueError:
        # A host that is none, as a request may name any.
        return None
    if not domain or _is_ip(domain):
        return None
    if parts.scheme != "https" and not (parts.scheme == "http" and domain == LOCALHOST):
        return None
    return Party(domain, f"{parts.scheme}://{parts.netloc.lower()}", name)


def _is_ip(domain: str) -> bool:
    try:
        ipaddress.ip_address(domain)
    except ValueError:
        return False
    return True


class PasskeyError(NotAuthenticatedError):
    """An answer of an authenticator that shows nothing; says not what was wrong with it."""

    code = "passkey_failed"

    def __init__(self) -> None:
        """Say the same in every case."""
        super().__init__(
            "This passkey did not work: it is not known here, or it took too long. Try again, or sign in"
            " otherwise."
        )


class PasskeyCopiedError(NotAuthenticatedError):
    """A passkey whose counter went back: it was copied, or its authenticator was reset."""

    code = "passkey_copied"

    def __init__(self) -> None:
        """Say what it means and what helps."""
        super().__init__(
            "This passkey counts its uses and went back, so there may be a copy of it; it is not accepted any"
            " more. Sign in otherwise and remove it."
        )


class SignInTooOldError(NotPermittedError):
    """A passkey is added only by somebody who signed in a short while ago."""

    code = "sign_in_too_old"

    def __init__(self, minutes_max: int) -> None:
        """Name the limit and what helps."""
        super().__init__(
            f"You signed in more than {minutes_max} minutes ago. Sign out and in again, and then add the"
            " passkey."
        )


class PasskeysUnavailableError(NotFoundError):
    """An installation with an address for which browsers make no passkeys."""

    code = "passkeys_unavailable"

    def __init__(self) -> None:
        """Say what is needed."""
        super().__init__(
            "There are no passkeys here: they need an address with https and a domain (public_url), or"
            " localhost."
        )


class TooManyPasskeysError(ConflictError):
    """More passkeys than one person may have."""

    code = "too_many_passkeys"

    def __init__(self) -> None:
        """Name the limit."""
        super().__init__(f"You have {PASSKEYS_MAX} passkeys, as many as one may have. Remove one first.")


class UnknownPasskeyError(NotFoundError):
    """No such passkey of the person."""

    code = "passkey_unknown"

    def __init__(self, passkey_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no passkey {passkey_id} of yours.")


@dataclass(frozen=True, slots=True)
class Passkey:
    """A person's passkey; ``is_synced``: its maker keeps copies of it on the person's other devices."""

    passkey_id: str
    email: str
    name: str
    is_synced: bool
    created_at: datetime
    last_used_at: datetime | None
