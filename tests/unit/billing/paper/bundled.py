"""Bundles made by hand: some requests, rated, summed and composed into a document, in a file."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Literal
from uuid import UUID

from tests.unit.billing.paper.made import BANK, BUYER, SELLER

from jeton.billing.invoicing.drafting.composing import Occasion, compose
from jeton.billing.invoicing.lines.building import build_line
from jeton.billing.invoicing.lines.prices import Prices
from jeton.billing.invoicing.lines.summing import subtract
from jeton.billing.invoicing.periods import Period
from jeton.billing.invoicing.tax import TaxDecision
from jeton.billing.invoicing.words import Profile, Rules
from jeton.billing.paper.bundle.findings import Findings
from jeton.billing.paper.bundle.rating import Rater
from jeton.billing.paper.bundle.words import (
    BilledRecord,
    ReceiptRecord,
    ReversedRecord,
    TermsRecord,
    VersionRecord,
)
from jeton.billing.paper.bundle.writing import Evidence, write_bundle
from jeton.billing.words import Document
from jeton.metering.events import find_context_window
from jeton.pricing.book import Band, ModelCard, Override, PriceVersion
from jeton.pricing.rating import Conditions, rate
from jeton.pricing.terms import Terms, agree, parse_scope
from jeton.usage import Bucket, Usage

ORGANIZATION = UUID("01930000-0000-7000-8000-000000000001")
NOVEMBER = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
OCTOBER = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
ISSUED_AT = datetime(2026, 12, 3, 8, 30, tzinfo=UTC)


def _band(price: int) -> Band:
    rates = {
        Bucket.INPUT: price, Bucket.CACHE_WRITE_5M: price * 5 // 4, Bucket.CACHE_WRITE_1H: price * 2,
        Bucket.CACHE_READ: price // 10, Bucket.OUTPUT: price * 5,
    }  # fmt: skip
    return Band("all", None, rates, batch=Override(Fraction(1, 2)), us=Override(Fraction(11, 10)))


def version(model: str, price: int) -> PriceVersion:
    """A price version from October on; ``price`` in nano-dollars per million tokens of input."""
    card = ModelCard(model, model, "claude-4.7", date(2026, 9, 1), 200_000, 64_000)
    return PriceVersion(card, date(2026, 10, 1), None, (_band(price),), 10_000_000_000)


SONNET, OPUS = version("claude-sonnet-5-5", 3_000_000_000), version("claude-opus-5", 5_000_000_000)
AGREED = Terms(
    "terms_acme",
    parse_scope("model:claude-opus-5"),
    Fraction(4, 5),
    (),
    datetime(2026, 11, 10, tzinfo=UTC),
    None,
)


def receipt(number: int, *, period: Period = NOVEMBER) -> ReceiptRecord:
    """One request: of two models and three workspaces, now and then a batch, a reversal, free credit."""
    held_at = period.period_from + timedelta(hours=11 * number)
    priced = (SONNET, OPUS)[number % 2]
    usage = Usage(1_001 + 7 * number, 0, 13 * (number % 5), 90_007 * (number % 3), 333 + number, number % 2)
    tier: Literal["standard", "batch"] = "batch" if number % 7 == 0 else "standard"
    terms = AGREED if priced is OPUS and AGREED.is_in_force(held_at) else None
    rating = rate(usage, priced, agree(Conditions(tier), terms))
    free_nano = rating.net_nano // 3 if number % 4 == 0 else 0
    undone = ReversedRecord(
        held_at + timedelta(days=1), rating.net_nano, free_nano, rating.net_nano - free_nano
    )
    assert find_context_window(usage) == "0-200k"
    return ReceiptRecord(
        request_id=f"req_{period.period_from:%m}{number:06d}",
        occurred_at=held_at,
        ended_at=held_at + timedelta(seconds=3),
        workspace_id=f"wrkspc_{number % 3}",
        model=priced.model,
        price_version_id=priced.price_version_id,
        terms_id=terms.terms_id if terms else "",
        service_tier=tier,
        inference_geo="global",
        speed="standard",
        input_tokens=usage.input_tokens,
        cache_creation_5m_input_tokens=0,
        cache_creation_1h_input_tokens=usage.cache_creation_1h_input_tokens,
        cache_read_input_tokens=usage.cache_read_input_tokens,
        output_tokens=usage.output_tokens,
        web_search_requests=usage.web_search_requests,
        list_nano=rating.list_nano,
        net_nano=rating.net_nano,
        free_credit_nano=free_nano,
        on_credit_nano=rating.net_nano - free_nano,
        lines=tuple((line.bucket, line.quantity, line.list_nano, line.net_nano) for line in rating.lines),
        reversed=undone if number == 11 else None,
    )


def november(count: int = 60) -> list[ReceiptRecord]:
    """So many receipts, three of them of October, which came late."""
    return [
        *(receipt(number, period=OCTOBER) for number in range(40, 43)),
        *map(receipt, range(1, count + 1)),
    ]


def bill(
    receipts: Iterable[ReceiptRecord],
    *,
    billed: Sequence[BilledRecord] = (),
    currency: str = "USD",
    exchange: Fraction = Fraction(1),
    kind: str = "S",
) -> Document:
    """The invoice of November over these receipts, as invoicing composes it."""
    rater = Rater([SONNET, OPUS], [AGREED])
    sums = rater.sum_receipts(receipts, [OCTOBER, NOVEMBER], until=ISSUED_AT, findings=Findings())
    prices = Prices([SONNET, OPUS], {ORGANIZATION: [AGREED]})
    before = {(one.period_from, one.key): (one.quantity, one.net_nano) for one in billed}
    dues = [
        due
        for period, found in sums.items()
        for due in subtract(
            found,
            {
                key: amounts
                for (period_from, key), amounts in before.items()
                if period_from == period.period_from
            },
            period,
            corrects="INV-2026-000101" if period == OCTOBER else "",
            is_late=period == OCTOBER,
        )
    ]
    buyer = {
        name: getattr(BUYER, name) for name in ("street", "city", "postal_code", "country", "vat_number")
    }
    profile = Profile(ORGANIZATION, BUYER.name, "invoiced", datetime(2026, 9, 1, tzinfo=UTC), **buyer)
    is_taxed = kind == "S"
    tax = (
        TaxDecision("S", Fraction(19, 100), "")
        if is_taxed
        else TaxDecision("AE", Fraction(0), "Reverse charge")
    )
    occasion = Occasion(
        profile=profile, rules=Rules(seller=SELLER, remittance=BANK), kind="invoice", purpose="period",
        period=NOVEMBER, at=ISSUED_AT, tax=tax, currency=currency, rate=exchange,
    )  # fmt: skip
    drafted = compose(occasion, [build_line(due, prices, {}) for due in dues])
    return replace(drafted, document_id="inv_01k9bundle", number="INV-2026-000123", state="issued")


def evidence(billed: Sequence[BilledRecord] = ()) -> Evidence:
    """The prices and terms of these bundles."""
    return Evidence(
        versions=[VersionRecord(one.price_version_id, one.digest, one.content()) for one in (SONNET, OPUS)],
        terms=[TermsRecord(AGREED.terms_id, AGREED.effective_from, None, AGREED.content())],
        billed=billed,
    )


async def stream(receipts: Iterable[ReceiptRecord]) -> AsyncIterator[ReceiptRecord]:
    """Receipts one by one, as a database would give them."""
    for one in receipts:
        yield one


async def write(
    path: Path,
    receipts: Sequence[ReceiptRecord],
    document: Document | None = None,
    billed: Sequence[BilledRecord] = (),
) -> Path:
    """A bundle in a file."""
    ordered = sorted(receipts, key=lambda one: one.request_id)
    with path.open("wb") as file:
        await write_bundle(
            file,
            document or bill(receipts, billed=billed),
            evidence=evidence(billed),
            receipts=stream(ordered),
        )
    return path
