"""Deps: what the Console is given by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass

from jeton.batches.desk import BatchDesk
from jeton.billing.office import Office
from jeton.charging.credits.trials import TrialTerms
from jeton.charging.limits.terms import LimitTerms
from jeton.console.sending import SendMessage
from jeton.db.pool import Pool
from jeton.identity.oidc.provider import OidcClient
from jeton.identity.sign_in import SignIn
from jeton.insight.live.feed import Feed
from jeton.limits.limiter import Limiter
from jeton.notifications.addresses import AddressRules
from jeton.notifications.notes import Postman
from jeton.pricing.book import PriceBook


@dataclass(frozen=True, slots=True)
class ConsoleDeps:
    """A pool to ask, the way in, and what the pages say about this installation.

    ``base_url`` is the address that people use; "" takes it from each request. With https the
    session's cookie is sent over https only. Members with one of ``operator_emails`` (in lower case)
    see the operator's pages. ``live`` is the feed of charges; without it the log cannot be followed.
    ``served_models`` gives what an upstream or the rehearsal answers; ``read_spool`` gives how many ends
    of requests, and how many bytes, wait on this node's disk. ``postman`` mails links, where there is a
    mail server and an address for links; ``oidc`` is a provider who signs people in; ``send_message`` sends a
    body with a key through the gateway. With ``has_own_mark`` the mark of /static is the operator's.
    ``office`` is how money comes in; without it no cards are taken and documents follow the usual rules.
    ``batches`` quotes batches and sends again what failed of one. ``trial`` is what new organizations get.
    """

    pool: Pool
    sign_in: SignIn
    brand_name: str
    base_url: str = ""
    support_email: str = ""
    is_rehearsal: bool = False
    operator_emails: frozenset[str] = frozenset()
    live: Feed | None = None
    limit_terms: LimitTerms = LimitTerms()  # noqa: RUF009 - frozen, and nobody changes its tables
    limiter: Limiter | None = None
    has_mail: bool = False
    book: PriceBook = PriceBook(())  # noqa: RUF009 - frozen: every field of it is a tuple or derived from one
    address_rules: AddressRules = AddressRules()  # noqa: RUF009 - frozen and without state
    served_models: Callable[[], frozenset[str]] = frozenset
    read_spool: Callable[[], tuple[int, int]] = lambda: (0, 0)
    postman: Postman | None = None
    oidc: OidcClient | None = None
    send_message: SendMessage | None = None
    has_own_mark: bool = False
    office: Office | None = None
    batches: BatchDesk | None = None
    trial: TrialTerms = TrialTerms(0, 1)  # noqa: RUF009 - frozen and without state

    @property
    def oidc_name(self) -> str:
        """What the provider that signs people in is called, "" without one."""
        return self.oidc.terms.name if self.oidc is not None else ""
