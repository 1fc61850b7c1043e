"""Deps: what the admin routes are given by the composition root."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from jeton.billing.office import Office
from jeton.charging.credits.trials import TrialTerms
from jeton.charging.limits.terms import LimitTerms
from jeton.db.pool import Pool
from jeton.identity.key_ring import KeyRing
from jeton.identity.members import Role
from jeton.identity.standing.operator_keys import OperatorKeys
from jeton.insight.live.feed import Feed
from jeton.notifications.addresses import AddressRules
from jeton.notifications.notes import Postman
from jeton.pricing.book import PriceBook


@dataclass(frozen=True, slots=True)
class AdminDeps:
    """A pool to ask, the ring that knows the callers, where webhooks may go, what limits there are.

    ``live`` is the feed of charges; without it nobody can follow them. ``postman`` mails invites, where
    there is a mail server; those of a provider's (``has_oidc``) need no mail. ``book`` has the prices,
    ``office`` is how money comes in; without it no cards are taken. ``operator_keys`` are of no organization.
    ``group_roles``: what groups of a directory give from the start, by organization and name. ``trial``: what
    new organizations get; ``base_url`` is the address of links, where no mail goes.
    """

    pool: Pool
    key_ring: KeyRing
    address_rules: AddressRules = field(default_factory=AddressRules)
    limit_terms: LimitTerms = field(default_factory=LimitTerms)
    live: Feed | None = None
    postman: Postman | None = None
    has_oidc: bool = False
    book: PriceBook = field(default_factory=lambda: PriceBook(()))
    office: Office | None = None
    operator_keys: OperatorKeys = field(default_factory=OperatorKeys)
    group_roles: Mapping[tuple[UUID, str], Role] = field(default_factory=dict)
    trial: TrialTerms = field(default_factory=lambda: TrialTerms(0, 1))
    base_url: str = ""
