"""Errors of identity: why a caller, a member or a session was not accepted.

NotAuthenticatedError
├── MissingKeyError          no key was sent
├── UnknownKeyError          no such key
├── RevokedKeyError          a key that was revoked
├── ExpiredKeyError          a key past its expiry
├── PausedKeyError           a key that is paused
├── RotatedKeyError          a former secret of a key, past its overlap
├── WrongPasswordError       e-mail and password do not belong together
├── SignInLinkError          a link that was used, is too old, or never was
└── OidcError                the provider's answer does not say who this is (oidc/)
NotPermittedError
├── AdminKeyRequiredError    an API key where an admin key is needed
├── OperatorKeyRequiredError another key where an operator's is needed
├── WorkspaceArchivedError   a key of a workspace that is archived
└── TooManySignInsError      the sign-in limit of an e-mail or an address
ConflictError
├── EmailTakenError          a member with this e-mail exists
├── LastAdminError           an organization without any admin
├── DefaultWorkspaceError    the default workspace is not archived
└── KeyEndedError            a change of a key that is revoked or expired
InvalidInputError
├── InvalidNameError         a name that is empty or too long
├── InvalidEmailError        not an e-mail address
├── InvalidExpiryError       an expiry that is not in the future
├── InvalidOverlapError      an overlap of two secrets that is too long
├── AdminKeyWorkspaceError   a workspace for an admin key
└── WeakPasswordError        a password that is too short or too long
NotFoundError
├── UnknownOrganizationError
├── UnknownWorkspaceError
├── UnknownMemberError       no member with this id in the organization
├── UnknownInviteError       no invite with this id in the organization, or none that is open
├── UnknownSessionError      no session with this id of the person
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


class PausedKeyError(NotAuthenticatedError):
    """The key is paused."""

    code = "key_paused"

    def __init__(self, key_id: str) -> None:
        """Name the key by its id and say what helps."""
        super().__init__(f"The key {key_id} is paused. Resume it in the Console, or use another one.")


class RotatedKeyError(NotAuthenticatedError):
    """A former secret of a key, past its overlap."""

    code = "key_rotated"

    def __init__(self, key_id: str, until: datetime) -> None:
        """Name the key by its id and say until when this secret worked."""
        super().__init__(
            f"The key {key_id} was rotated; this secret of it worked until {until:%Y-%m-%dT%H:%M:%SZ}."
            " Use its new one."
        )


class WrongPasswordError(NotAuthenticatedError):
    """E-mail and password do not belong together; says not which of them is wrong."""

    code = "password_wrong"

    def __init__(self) -> None:
        """Say the same for an unknown e-mail and for a wrong password."""
        super().__init__("This e-mail and password do not belong together.")


class SignInLinkError(NotAuthenticatedError):
    """A link that was used, is too old, or never was; says not which."""

    code = "sign_in_link_invalid"

    def __init__(self) -> None:
        """Say the same in every case."""
        super().__init__("This link was used already, or is too old. Ask for a new one.")


class AdminKeyRequiredError(NotPermittedError):
    """An API key of a workspace where an admin key is needed."""

    code = "admin_key_required"

    def __init__(self) -> None:
        """Say which kind of key is needed."""
        super().__init__("This needs an admin key (sk-jtn-admin-…); an API key may not do it.")


class OperatorKeyRequiredError(NotPermittedError):
    """Another key where an operator's is needed."""

    code = "operator_key_required"

    def __init__(self) -> None:
        """Say where such keys are."""
        super().__init__(
            "This takes a key of the operator's, from the setting operator_api_keys; keys of organizations"
            " have their own paths under /v1/organizations."
        )


class WorkspaceArchivedError(NotPermittedError):
    """A key of a workspace that is archived, or a change of such a workspace."""

    code = "workspace_archived"

    def __init__(self, workspace_id: str, archived_at: datetime) -> None:
        """Name the workspace by its id and say when it was archived."""
        super().__init__(
            f"The workspace {workspace_id} was archived at {archived_at:%Y-%m-%dT%H:%M:%SZ}, and its keys"
            " with it. Use a key of another workspace."
        )


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


class LastAdminError(ConflictError):
    """An organization that would be left without any admin."""

    code = "last_admin"

    def __init__(self, email: str) -> None:
        """Name the member and what helps."""
        super().__init__(f"{email} is the last admin here. Make somebody else an admin first.")


class DefaultWorkspaceError(ConflictError):
    """The default workspace is not archived."""

    code = "default_workspace"

    def __init__(self) -> None:
        """Say why."""
        super().__init__(
            "The default workspace cannot be archived: a key for which none is named goes there."
        )


class KeyEndedError(ConflictError):
    """A change of a key that is revoked or expired."""

    code = "key_ended"

    def __init__(self, key_id: str, status: str) -> None:
        """Name the key and what it is."""
        super().__init__(f"The key {key_id} is {status}, for good. Create a new one.")


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


class InvalidOverlapError(InvalidInputError):
    """An overlap of two secrets that is below zero or too long."""

    code = "invalid_overlap"

    def __init__(self, days_max: int) -> None:
        """Name the limit."""
        super().__init__(f"The former secret of a rotated key works for 0 seconds to {days_max} days more.")


class AdminKeyWorkspaceError(InvalidInputError):
    """A workspace for an admin key."""

    code = "admin_key_workspace"

    def __init__(self, key_id: str) -> None:
        """Name the key."""
        super().__init__(f"The key {key_id} is an admin key: it is of the organization and of no workspace.")


class WeakPasswordError(InvalidInputError):
    """A password that is too short or too long."""

    code = "weak_password"

    def __init__(self, length: int, *, length_min: int, length_max: int) -> None:
        """Name the three lengths, never the password."""
        super().__init__(f"A password has {length_min} to {length_max} characters; this one has {length}.")


class UnknownOrganizationError(NotFoundError):
    """No organization with this id."""

    code = "organization_unknown"

    def __init__(self, organization_id: UUID | str) -> None:
        """Name the id."""
        super().__init__(f"There is no organization {organization_id}.")


class UnknownWorkspaceError(NotFoundError):
    """No such workspace in the organization."""

    code = "workspace_unknown"

    def __init__(self, workspace_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no workspace {workspace_id} in this organization.")


class UnknownMemberError(NotFoundError):
    """No such member in the organization."""

    code = "member_unknown"

    def __init__(self, member_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no member {member_id} in this organization.")


class UnknownInviteError(NotFoundError):
    """No such invite in the organization, or none that is open any more."""

    code = "invite_unknown"

    def __init__(self, invite_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no open invite {invite_id} in this organization.")


class UnknownSessionError(NotFoundError):
    """No such session of the person."""

    code = "session_unknown"

    def __init__(self, session_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no session {session_id} of yours.")


class UnknownKeyIdError(NotFoundError):
    """No key with this id in the organization."""

    code = "key_id_unknown"

    def __init__(self, key_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no key {key_id} in this organization.")
