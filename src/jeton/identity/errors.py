"""Errors of identity: why a caller, a member or a session was not accepted.

NotAuthenticatedError
├── MissingKeyError          no key was sent
├── UnknownKeyError          no such key
├── RevokedKeyError          a key that was revoked
├── ExpiredKeyError          a key past its expiry
└── WrongPasswordError       e-mail and password do not belong together
NotPermittedError
├── AdminKeyRequiredError    an API key where an admin key is needed
└── TooManySignInsError      the sign-in limit of an e-mail or an address
ConflictError
└── EmailTakenError          a member with this e-mail exists
InvalidInputError
├── InvalidNameError         a name that is empty or too long
├── InvalidEmailError        not an e-mail address
├── InvalidExpiryError       an expiry that is not in the future
└── WeakPasswordError        a password that is too short or too long
NotFoundError
├── UnknownOrganizationError
├── UnknownWorkspaceError
└── UnknownKeyIdError        no key with this id in the organization
"""

from datetime import datetime
from uuid import UUID

from jeton.errors import (
    ConflictError,
    InvalidInputError,
    NotAuthenticatedError,
    NotFoundError,
    NotPermittedError,
)


class MissingKeyError(NotAuthenticatedError):
    """No key was sent."""

    code = "key_missing"

    def __init__(self) -> None:
        """Name both places where a key may stand."""
        super().__init__(
            "No key was sent. Put it into the x-api-key header, or into 'Authorization: Bearer'."
        )


class UnknownKeyError(NotAuthenticatedError):
    """The key does not exist."""

    code = "key_unknown"

    def __init__(self) -> None:
        """Never repeat the key itself."""
        super().__init__("The key is not known here. Copy it again, or create a new one.")


class RevokedKeyError(NotAuthenticatedError):
    """The key was revoked."""

    code = "key_revoked"

    def __init__(self, key_id: str, revoked_at: datetime) -> None:
        """Name the key by its id and say when it was revoked."""
        super().__init__(f"The key {key_id} was revoked at {revoked_at:%Y-%m-%dT%H:%M:%SZ}. Use another one.")


class ExpiredKeyError(NotAuthenticatedError):
    """The key is past its expiry."""

    code = "key_expired"

    def __init__(self, key_id: str, expires_at: datetime) -> None:
        """Name the key by its id and say when it expired."""
        super().__init__(f"The key {key_id} expired at {expires_at:%Y-%m-%dT%H:%M:%SZ}. Create a new one.")


class WrongPasswordError(NotAuthenticatedError):
    """E-mail and password do not belong together; says not which of them is wrong."""

    code = "password_wrong"

    def __init__(self) -> None:
        """Say the same for an unknown e-mail and for a wrong password."""
        super().__init__("This e-mail and password do not belong together.")


class AdminKeyRequiredError(NotPermittedError):
    """An API key of a workspace where an admin key is needed."""

    code = "admin_key_required"

    def __init__(self) -> None:
        """Say which kind of key is needed."""
        super().__init__("This needs an admin key (sk-jtn-admin-…); an API key may not do it.")


class TooManySignInsError(NotPermittedError):
    """The sign-in limit of an e-mail or of an address is reached."""

    code = "too_many_sign_ins"

    def __init__(self, attempts_max: int, wait_s: int) -> None:
        """Name the limit and the wait in seconds."""
        super().__init__(f"{attempts_max} attempts to sign in failed. Try again in {wait_s} seconds.")
        self.wait_s = wait_s


class EmailTakenError(ConflictError):
    """A member with this e-mail exists."""

    code = "email_taken"

    def __init__(self, email: str) -> None:
        """Name the e-mail."""
        super().__init__(f"There is a member with the e-mail {email} already.")


class InvalidNameError(InvalidInputError):
    """A name that is empty or too long."""

    code = "invalid_name"

    def __init__(self, length: int, length_max: int) -> None:
        """Name both lengths."""
        super().__init__(f"A name has 1 to {length_max} characters; this one has {length}.")


class InvalidEmailError(InvalidInputError):
    """A text that is no e-mail address."""

    code = "invalid_email"

    def __init__(self, email: str) -> None:
        """Name the text."""
        super().__init__(f"{email!r} is not an e-mail address.")


class InvalidExpiryError(InvalidInputError):
    """An expiry that is not in the future."""

    code = "invalid_expiry"

    def __init__(self, expires_at: datetime) -> None:
        """Name the instant."""
        super().__init__(f"The expiry {expires_at:%Y-%m-%dT%H:%M:%SZ} is not in the future.")


class WeakPasswordError(InvalidInputError):
    """A password that is too short or too long."""

    code = "weak_password"

    def __init__(self, length: int, *, length_min: int, length_max: int) -> None:
        """Name the three lengths, never the password."""
        super().__init__(f"A password has {length_min} to {length_max} characters; this one has {length}.")


class UnknownOrganizationError(NotFoundError):
    """No organization with this id."""

    code = "organization_unknown"

    def __init__(self, organization_id: UUID) -> None:
        """Name the id."""
        super().__init__(f"There is no organization {organization_id}.")


class UnknownWorkspaceError(NotFoundError):
    """No such workspace in the organization."""

    code = "workspace_unknown"

    def __init__(self, workspace_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no workspace {workspace_id} in this organization.")


class UnknownKeyIdError(NotFoundError):
    """No key with this id in the organization."""

    code = "key_id_unknown"

    def __init__(self, key_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no key {key_id} in this organization.")
