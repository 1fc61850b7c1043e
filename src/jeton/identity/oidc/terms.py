"""Terms: which provider is believed, about whom, and what its groups mean here; and why one is not."""

from dataclasses import dataclass, field
from uuid import UUID

from jeton.errors import NotAuthenticatedError, NotPermittedError, OverloadedError
from jeton.identity.members import Role


class OidcError(NotAuthenticatedError):
    """What came from the provider does not say who this is."""

    code = "oidc_failed"

    def __init__(self, problem: str) -> None:
        """Name the problem."""
        super().__init__(f"Signing in with the provider did not work: {problem}. Try again.")


class OidcRefusedError(NotPermittedError):
    """The provider knows this person, and these terms do not let them in."""

    code = "oidc_refused"

    def __init__(self, problem: str) -> None:
        """Name the problem."""
        super().__init__(f"The provider knows you, but {problem}. Ask an admin for an invite.")


class OidcUnavailableError(OverloadedError):
    """The provider does not answer, or not as OpenID Connect says."""

    code = "oidc_unavailable"

    def __init__(self, problem: str) -> None:
        """Name the problem."""
        super().__init__(f"The provider cannot be asked now: {problem}. Try again, or sign in otherwise.")


@dataclass(frozen=True, slots=True)
class OidcTerms:
    """A provider and what its word is worth.

    ``domains``: the mail domains that it is believed about, every one if empty. Whoever is in a group of
    ``roles`` gets the role of the first that fits, else ``default_role``; and becomes a member of
    ``organization_id``, where one is named, without an invite.
    """

    name: str
    issuer: str
    client_id: str
    redirect_url: str
    client_secret: str = field(default="", repr=False)
    domains: frozenset[str] = frozenset()
    groups_claim: str = "groups"
    roles: tuple[tuple[str, Role], ...] = ()
    default_role: Role | None = None
    organization_id: UUID | None = None

    def find_role(self, groups: frozenset[str]) -> Role | None:
        """The role of somebody in these groups."""
        return next((role for group, role in self.roles if group in groups), self.default_role)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in, by the provider's word: an e-mail in lower case, and groups."""

    subject: str
    email: str
    groups: frozenset[str]
