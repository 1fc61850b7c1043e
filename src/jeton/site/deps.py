"""Deps: what the site's pages say about this installation, given by the composition root."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from starlette.requests import Request

from jeton.charging.limits.terms import LimitTerms
from jeton.db.pool import Pool
from jeton.pricing.book import PriceBook
from jeton.site.writer import Writer
from jeton.tokens.counter.counting import Counter


@dataclass(frozen=True, slots=True)
class Reader:
    """A member who is signed in to the Console and reads a page of the site."""

    organization_id: UUID
    organization_name: str
    email: str
    member_id: str = ""
    may_see_billing: bool = False


FindReader = Callable[[Request], Awaitable[Reader | None]]


async def find_nobody(_: Request) -> Reader | None:
    """Where nobody can be signed in."""
    return None


@dataclass(frozen=True, slots=True)
class Wording:
    """The operator's own words and links; ``footer_links`` are column, name and address."""

    tagline: str = ""
    landing_title: str = "Every request, accounted for."
    landing_text: str = ""
    footer_links: tuple[tuple[str, str, str], ...] = ()
    social_links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SiteDeps:
    """The price book and the operator's choices; an empty ``base_url`` is taken from the request.

    ``payment_methods`` are the methods switched on here, as people call them; "" for an e-mail
    leaves the address out. The trial amount is in nano. Without a pool nobody can write to sales here.
    ``public_figures`` are the measurements that everybody may see. Without a writer Ask Docs only quotes.
    ``mark`` is the operator's own, an SVG file; without it the pages show ours.
    """

    book: PriceBook
    brand_name: str
    base_url: str
    support_email: str
    sales_email: str
    trial_amount_nano: int
    trial_days: int
    trial_clock: str = "signup"
    trial_models: tuple[str, ...] = ()
    is_rehearsal: bool = False
    payment_methods: tuple[str, ...] = ()
    pool: Pool | None = None
    wording: Wording = field(default_factory=Wording)
    public_figures: tuple[str, ...] = ()
    find_reader: FindReader = find_nobody
    counter: Counter | None = None
    is_well: Callable[[], Awaitable[bool]] | None = None
    has_ask_docs: bool = False
    writer: Writer | None = None
    mark: bytes = b""
    limit_terms: LimitTerms = LimitTerms()  # noqa: RUF009 - frozen, and nobody changes its tables
