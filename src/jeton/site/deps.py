"""Deps: what the site's pages say about this installation, given by the composition root."""

from dataclasses import dataclass

from jeton.db.pool import Pool
from jeton.pricing.book import PriceBook


@dataclass(frozen=True, slots=True)
class SiteDeps:
    """The price book and the operator's choices; an empty ``base_url`` is taken from the request.

    ``payment_methods`` are the methods switched on here, as people call them; "" for an e-mail
    leaves the address out. The trial amount is in nano. Without a pool nobody can write to sales here.
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
