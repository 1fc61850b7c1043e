"""Terms: users and groups of a directory, what is bounded of them, and why a change of them is refused."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jeton.errors import ConflictError, InvalidInputError, NotAuthenticatedError, NotFoundError
from jeton.identity.members import Role

TOKENS_MAX = 10
USERS_MAX = 10_000
GROUPS_MAX = 500
# What the groups of a page have together; one group has fewer, so a page is never empty for it.
PAGE_MEMBERS_MAX = 20_000
# Who gets or loses a role by one request: each of them is a change of its own.
CHANGED_MAX = 1_000
TEXT_CHARS_MAX = 320
# Of somebody in several groups: the role that allows most.
ROLE_ORDER: tuple[Role, ...] = ("admin", "billing", "developer", "auditor")


@dataclass(frozen=True, slots=True)
class ScimToken:
    """What a directory calls with, but for its secret."""

    token_id: str
    organization_id: UUID
    name: str
    hint: str
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Profile:
    """What a directory says of somebody; the e-mail is who they are."""

    email: str
    external_id: str | None = None
    display_name: str = ""
    given_name: str = ""
    family_name: str = ""


@dataclass(frozen=True, slots=True)
class ScimUser:
    """Somebody whom the directory knows; active, with a role, as long as they are a member."""

    user_id: str
    profile: Profile
    role: Role | None
    member_id: str | None
    groups: tuple[tuple[str, str], ...]
    created_at: datetime
    changed_at: datetime

    @property
    def is_active(self) -> bool:
        """Whether they are a member."""
        return self.member_id is not None


@dataclass(frozen=True, slots=True)
class ScimGroup:
    """A group of the directory; ``role`` is what being in it gives, if anything; members by id and e-mail.

    A list that leaves the members out has their number all the same.
    """

    group_id: str
    name: str
    external_id: str | None
    role: Role | None
    created_at: datetime
    changed_at: datetime
    members: tuple[tuple[str, str], ...] = ()
    member_count: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Which ones of a list: from ``offset`` on, ``limit`` at most, those whose ``field`` equals ``value``.

    An empty field is every one.
    """

    offset: int
    limit: int
    field: str = ""
    value: str = ""


class ScimTokenError(NotAuthenticatedError):
    """No token of a directory, or one that is revoked."""

    code = "scim_token_unknown"

    def __init__(self) -> None:
        """Say where one is made."""
        super().__init__(
            "This takes a directory's token, from the Console: Access, Directory. It is a bearer token."
        )


class UnknownScimTokenError(NotFoundError):
    """No such token of the organization, or one that is revoked."""

    code = "scim_token_id_unknown"

    def __init__(self, token_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no token {token_id} that is good for anything here.")


class UnknownScimUserError(NotFoundError):
    """No such user of the organization's directory."""

    code = "scim_user_unknown"

    def __init__(self, user_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no user {user_id} here.")


class UnknownScimGroupError(NotFoundError):
    """No such group of the organization's directory."""

    code = "scim_group_unknown"

    def __init__(self, group_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no group {group_id} here.")


class ScimTakenError(ConflictError):
    """A user or a group of this name is there already."""

    code = "scim_taken"

    def __init__(self, what: str, name: str) -> None:
        """Name what there is."""
        super().__init__(f"There is a {what} {name} here already.")


class TooManyOfScimError(ConflictError):
    """More tokens, users or groups than an organization may have, or more changes than one request."""

    code = "scim_too_many"

    def __init__(self, what: str, count_max: int) -> None:
        """Name the limit."""
        super().__init__(f"That is too many: {count_max} {what} is the limit.")


class InvalidScimValueError(InvalidInputError):
    """A value that a directory sent and nothing can be done with."""

    code = "scim_invalid_value"

    def __init__(self, name: str, problem: str) -> None:
        """Name the attribute."""
        super().__init__(f"{name} {problem}.")
