"""Town: a year's organizations with one till, one bank, one clock, and the rules of a German seller."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from fractions import Fraction
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from tests.integration.world import sonnet
from tests.money.bank import Bank, BankDoor

from jeton import clock
from jeton.billing.invoicing.rates import RateNote, note_rate
from jeton.billing.invoicing.words import Rules, TaxRate
from jeton.billing.payments.till import PaymentTax, PaymentTerms, Till
from jeton.billing.payments.words import Hooks
from jeton.billing.receipting import with_receipts
from jeton.billing.receivables.collecting.cards import book_card_payment
from jeton.billing.reloads.ending import record_failure, record_success
from jeton.billing.reloads.reloader import Reloader
from jeton.billing.reloads.words import Terms as ReloadTerms
from jeton.billing.taxing import make_tax_of
from jeton.billing.words import Party
from jeton.charging.agreeing.book import TermsBook
from jeton.charging.charging import Charging
from jeton.charging.members import Member, Outcome
from jeton.charging.posting import Posting
from jeton.charging.price_versions import record_price_versions
from jeton.charging.words import Hold
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import Connection, Pool
from jeton.identity.audit import Actor
from jeton.pricing.book import PriceBook
from jeton.usage import Usage

USD = 1_000_000_000
STARTS_AT = datetime(2027, 1, 1, tzinfo=UTC)
BOOKS_ZONE = ZoneInfo("Europe/Berlin")
BY = Actor("operator", "ada@example.com")
SECOND = Actor("operator", "bob@example.com")
AT_ONCE = 12
# Some requests end when their period was billed; the sweeper leaves them alone until then.
VALIDITY_S = 30 * 86_400
# One price falls in the middle of a month, so that a period has two versions of it.
BOOK = PriceBook(
    (
        sonnet(date(2026, 1, 1), date(2027, 3, 17), cache_read=200_000_000, model="claude-sonnet-5-5"),
        sonnet(date(2027, 3, 17), None, cache_read=100_000_000, model="claude-sonnet-5-5"),
        sonnet(date(2026, 1, 1), None, cache_read=100_000_000, model="claude-other-1"),
    )
)
RULES = Rules(
    seller=Party("Seller GmbH", "Hauptstraße 1", "Berlin", "10115", "DE", vat_number="DE136695976"),
    tax_rates=(
        TaxRate("DE", Fraction(19, 100), date(2007, 1, 1)),
        TaxRate("FR", Fraction(20, 100), date(2014, 1, 1)),
        TaxRate("LU", Fraction(17, 100), date(2015, 1, 1)),
    ),
    grace_days=2,
    # Nothing of a year is ever forgotten.
    lookback_days=800,
)
# From then on credit is sold without tax, and taxed at its use; what was sold before stays as it was.
TAXED_AT_USE_FROM = datetime(2027, 2, 10, tzinfo=UTC)
RATES = (
    RateNote("EUR", "0.9215", date(2026, 12, 1), "a test"),
    RateNote("EUR", "0.8871", date(2027, 4, 9), "a test"),
    RateNote("JPY", "151.37", date(2026, 12, 1), "a test"),
    RateNote("KWD", "0.307125", date(2026, 12, 1), "a test"),
)


@dataclass(slots=True)
class Citizen:
    """One organization as it is seen from outside; ``late`` is settled when it is too late."""

    seed: int
    random: Random
    organization_id: UUID
    workspace_ids: list[str]
    key_id: str
    currency: str
    is_invoiced: bool
    late: list[tuple[Hold, Usage]] = field(default_factory=list)
    charged: list[str] = field(default_factory=list)

    @property
    def customer(self) -> str:
        """What the bank calls it."""
        return f"cus_{self.organization_id}"


@dataclass(slots=True)
class Town:
    """Everything that a year is played with; ``counts`` say what happened."""

    pool: Pool
    bank: Bank
    till: Till
    reloader: Reloader
    charging: Charging
    commits: GroupCommit[Member, Outcome]
    agreed: TermsBook
    citizens: list[Citizen] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def at(self) -> datetime:
        """The instant that all go by."""
        return self.bank.at


async def tax_of_the_day(
    connection: Connection, organization_id: UUID, net_minor: int, *, at: datetime
) -> PaymentTax:
    """The tax of a purchase, by an operator who changes the setting in the course of the year."""
    rules = replace(RULES, tax_point="use") if at >= TAXED_AT_USE_FROM else RULES
    return await make_tax_of(rules)(connection, organization_id, net_minor, at=at)


@contextmanager
def turning_clock(bank: Bank) -> Iterator[None]:
    """Everything that asks for the present gets the bank's: a year takes minutes."""
    real = clock.now
    clock.now = lambda: bank.at
    try:
        yield
    finally:
        clock.now = real


@asynccontextmanager
async def open_town(pool: Pool) -> AsyncIterator[Town]:
    """A town without anybody in it yet, on a migrated database."""
    bank = Bank(STARTS_AT)
    with turning_clock(bank):
        posting = Posting()
        commits: GroupCommit[Member, Outcome] = GroupCommit(pool, posting.post, on_commit=posting.keep)
        till = Till(
            pool,
            BankDoor(bank),
            PaymentTerms(credit_days=200, given_percent=5),
            tax_of_the_day,
            with_receipts(
                Hooks(
                    settled={"reload": record_success, "document": book_card_payment},
                    failed={"reload": record_failure},
                ),
                RULES,
            ),
        )
        charging = Charging(commits, node_id="node_money", validity_s=VALIDITY_S)
        town = Town(pool, bank, till, Reloader(till, ReloadTerms()), charging, commits, TermsBook())
        async with pool.connection() as connection:
            await record_price_versions(connection, BOOK.versions)
            for note in RATES:
                await note_rate(connection, note, by=BY, at=bank.at)
        try:
            yield town
        finally:
            await commits.close()


async def at_once(those: Iterable[Awaitable[object]]) -> None:
    """Await all of these, some at a time."""
    doors = asyncio.Semaphore(AT_ONCE)

    async def one(what: Awaitable[object]) -> None:
        async with doors:
            await what

    await asyncio.gather(*map(one, those))
