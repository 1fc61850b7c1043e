"""Access: how people get in, as the settings want it: links by mail, and the operator's provider."""

from collections.abc import Mapping
from typing import cast
from uuid import UUID

from jeton.app.notifying import make_mailer
from jeton.identity.members import Role
from jeton.identity.oidc.provider import OidcClient
from jeton.identity.oidc.terms import OidcTerms
from jeton.notifications.notes import Postman
from jeton.settings import Settings
from jeton.upstreams.http.single import SingleClient

CALLBACK_PATH = "/console/sign-in/oidc/callback"


def make_postman(settings: Settings) -> Postman | None:
    """Who mails links; nobody without a mail server, or where nobody said which address links are of.

    The address of a request would do for pages, but not for mails: whoever asks could make it up.
    """
    mailer = make_mailer(settings)
    if mailer is None or not settings.public_url:
        return None
    return Postman(mailer, settings.public_url, settings.brand_name)


def make_oidc(settings: Settings) -> OidcClient | None:
    """The provider, if there is one."""
    if not settings.oidc_issuer:
        return None
    terms = OidcTerms(
        name=settings.oidc_name,
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        redirect_url=f"{settings.public_url}{CALLBACK_PATH}",
        domains=frozenset(settings.oidc_domains),
        groups_claim=settings.oidc_groups_claim,
        roles=tuple((group, _read_role(role)) for group, role in settings.oidc_roles),
        default_role=_read_role(settings.oidc_default_role) if settings.oidc_default_role else None,
        organization_id=UUID(settings.oidc_organization) if settings.oidc_organization else None,
    )
    return OidcClient(terms, SingleClient().fetch)


def find_group_roles(settings: Settings) -> Mapping[tuple[UUID, str], Role]:
    """What the groups of single sign-on give in its organization; of one named twice the first, as there."""
    if not settings.oidc_organization:
        return {}
    organization_id = UUID(settings.oidc_organization)
    return {(organization_id, group): _read_role(role) for group, role in reversed(settings.oidc_roles)}


def _read_role(name: str) -> Role:
    """A role by its name, which the settings have checked."""
    return cast("Role", name)
