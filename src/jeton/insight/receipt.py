"""Receipt: one request's charge, explained from stored facts alone and checked against them.

The stored usage is rated again with the price version as it was stored. What does not agree with
the stored charge, its lots or its transactions is said in ``problems``; then the state is
``mismatch``, and no amount of the receipt should be relied on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow, dict_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.errors import NotFoundError
from jeton.insight.caching.breaks import CacheBreak, find_cache_break
from jeton.insight.contract.terms import find_pinned, find_terms, read_own_terms
from jeton.insight.evidence.documents import BillingDocument, find_billing_document
from jeton.insight.evidence.transactions import PostedTransaction, list_transactions
from jeton.insight.requests import find_batch_id
from jeton.insight.rerating.supplemented import SupplementedCharge, find_supplemented_charge
from jeton.insight.rerating.today import AtTodaysPrices, find_version_in_force, rate_today
from jeton.insight.words import ReceiptState
from jeton.metering.labels import NO_LABELS, Labels
from jeton.money import display_usd
from jeton.pricing.book import PriceVersion
from jeton.pricing.rating import Conditions, Rating, rate
from jeton.pricing.terms import Terms, agree
from jeton.usage import Usage

_READ_CHARGE = """
    SELECT c.*, v.content, v.digest, o.name AS organization_name, k.name AS key_name
    FROM charges AS c JOIN price_versions AS v USING (price_version_id)
    JOIN organizations AS o USING (organization_id) LEFT JOIN api_keys AS k USING (key_id)
    WHERE c.request_id = %(request_id)s
      AND (%(organization_id)s::uuid IS NULL OR c.organization_id = %(organization_id)s)
      AND (%(workspace_id)s::text IS NULL OR c.workspace_id = %(workspace_id)s)
"""
_READ_HOLD = """
    SELECT h.*, h.amount_nano AS held_nano, h.transaction_id AS hold_transaction_id,
           h.taken_at AS held_at, v.content, v.digest, o.name AS organization_name, k.name AS key_name
    FROM holds AS h JOIN price_versions AS v USING (price_version_id)
    JOIN organizations AS o USING (organization_id) LEFT JOIN api_keys AS k USING (key_id)
    WHERE h.request_id = %(request_id)s
      AND (%(organization_id)s::uuid IS NULL OR h.organization_id = %(organization_id)s)
      AND (%(workspace_id)s::text IS NULL OR h.workspace_id = %(workspace_id)s)
"""
_READ_EVENT = "SELECT * FROM usage_events WHERE request_id = %s"
_READ_REVERSAL = """
    SELECT amount_nano, owed_nano, draws, reason, transaction_id, reversed_at
    FROM reversals WHERE request_id = %s
"""
_READ_LOTS = "SELECT lot_id, kind, reason, expires_at FROM lots WHERE lot_id = ANY(%s)"
_USED = frozenset({"revenue", "promotion"})


class ReceiptNotFoundError(NotFoundError):
    """No request with this id, or none that the caller may see."""

    code = "receipt_unknown"

    def __init__(self, request_id: str) -> None:
        """Name the request."""
        super().__init__(f"There is no request {request_id} here.")


@dataclass(frozen=True, slots=True)
class PaidLot:
    """What one lot paid (or has set aside, while the request is open), in nano."""

    lot_id: str
    kind: str
    reason: str
    expires_at: datetime | None
    amount_nano: int


@dataclass(frozen=True, slots=True)
class ReversedCharge:
    """What of a charge was undone: what went back to which lot, and what is owed no more; in nano."""

    amount_nano: int
    owed_nano: int
    draws: tuple[tuple[str, int], ...]
    reason: str
    transaction_id: str
    reversed_at: datetime


@dataclass(frozen=True, slots=True)
class UsageFacts:
    """The usage event: who counted, under which conditions; ``usage`` None means unknown."""

    usage: Usage | None
    source: str
    conditions: Conditions
    reported: object


@dataclass(frozen=True, slots=True)
class Parties:
    """Whose request it was, with which key, and for whom and what it was in their own words."""

    organization_id: UUID
    organization_name: str
    workspace_id: str
    key_id: str
    key_name: str | None
    labels: Labels = NO_LABELS


@dataclass(frozen=True, slots=True)
class Times:
    """When the hold was taken, until when it is valid (open ones), when it ended, when we looked."""

    held_at: datetime
    valid_until: datetime | None
    ended_at: datetime | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Money:
    """The amounts of a receipt, in nano; ``owed`` is what no lot covered."""

    held_nano: int
    list_nano: int
    net_nano: int
    overrun_nano: int
    owed_nano: int

    @property
    def released_nano(self) -> int:
        """What of the hold went back to its lots."""
        return self.held_nano - (self.net_nano - self.overrun_nano)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything that explains one charge; ``rating`` is None where nothing was priced."""

    request_id: str
    parties: Parties
    times: Times
    model: str
    upstream: str
    is_rehearsal: bool
    state: ReceiptState
    rule_id: str | None
    price_version: PriceVersion
    price_digest: str
    facts: UsageFacts | None
    rating: Rating | None
    money: Money
    lots: tuple[PaidLot, ...]
    transactions: tuple[PostedTransaction, ...]
    problems: tuple[str, ...]
    reversal: ReversedCharge | None = None
    cache_break: CacheBreak | None = None
    today: AtTodaysPrices | None = None
    terms: Terms | None = None
    document: BillingDocument | None = None
    supplement: SupplementedCharge | None = None

    @property
    def batch_id(self) -> str | None:
        """The batch that it is an item of."""
        is_item = self.facts is not None and self.facts.conditions.service_tier == "batch"
        return find_batch_id(self.request_id) if is_item else None


async def get_receipt(
    connection: Connection,
    organization_id: UUID | None,
    request_id: str,
    *,
    workspace_id: str | None = None,
) -> Receipt:
    """The receipt of a request, of an organization and workspace if given; ReceiptNotFoundError."""
    if not request_id.isprintable():
        raise ReceiptNotFoundError(ascii(request_id))
    asked = {"request_id": request_id, "organization_id": organization_id, "workspace_id": workspace_id}
    row = await _find_row(connection, _READ_CHARGE, asked) or await _find_row(connection, _READ_HOLD, asked)
    # A hold may become a charge between the two reads, so the charge is looked for again.
    row = row or await _find_row(connection, _READ_CHARGE, asked)
    if row is None:
        raise ReceiptNotFoundError(request_id)
    event = reversal = None
    if "state" in row:
        event = await _find_row(connection, _READ_EVENT, (request_id,))
        reversal = await _find_row(connection, _READ_REVERSAL, (request_id,))
    lots = await _list_paid_lots(connection, row["draws"])
    transactions = await list_transactions(
        connection, [row["hold_transaction_id"], row.get("transaction_id", "")]
    )
    terms = find_pinned(await find_terms(connection, [row["terms_id"]]), row["terms_id"])
    receipt = _assemble(row, event, terms=terms, lots=lots, transactions=transactions)
    return replace(
        receipt,
        reversal=None if reversal is None else _parse_reversal(reversal),
        today=await _rate_today(connection, receipt),
        document=await find_billing_document(connection, row["organization_id"], row["held_at"]),
        supplement=await find_supplemented_charge(connection, request_id),
    )


async def _rate_today(connection: Connection, receipt: Receipt) -> AtTodaysPrices | None:
    facts = receipt.facts
    if receipt.rating is None or facts is None or facts.usage is None:
        return None
    at = receipt.times.as_of
    version = await find_version_in_force(connection, receipt.model, at)
    if version is None:
        return None
    own = await read_own_terms(connection, receipt.parties.organization_id)
    conditions = replace(facts.conditions, negotiated=())
    return rate_today(facts.usage, agree(conditions, own.find(version, at)), version, at=at)


async def _find_row(connection: Connection, sql: str, values: Any) -> DictRow | None:  # noqa: ANN401 - psycopg's own parameters
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(sql, values)
        return await cursor.fetchone()


async def _list_paid_lots(connection: Connection, draws: Sequence[tuple[str, int]]) -> tuple[PaidLot, ...]:
    cursor = await connection.execute(_READ_LOTS, ([lot_id for lot_id, _ in draws],))
    known = {row[0]: row for row in await cursor.fetchall()}
    # What an invoiced organization used on its credit limit has no lot.
    known[""] = ("", "credit", "on the credit limit, to be invoiced", None)
    return tuple(
        PaidLot(lot_id, kind, reason, expires_at, amount_nano)
        for (_, kind, reason, expires_at), (lot_id, amount_nano) in (
            (known[drawn[0]], drawn) for drawn in draws
        )
    )


def _assemble(
    row: DictRow,
    event: DictRow | None,
    *,
    terms: Terms | None,
    lots: tuple[PaidLot, ...],
    transactions: tuple[PostedTransaction, ...],
) -> Receipt:
    version = PriceVersion.from_content(row["content"])
    facts = None if event is None else _parse_facts(event, terms)
    is_priced = row.get("state") == "settled" and facts is not None and facts.usage is not None
    rating = cache_break = None
    if is_priced and facts is not None and facts.usage is not None:
        rating = rate(facts.usage, version, facts.conditions)
        cache_break = find_cache_break(facts.reported, facts.usage, version, conditions=facts.conditions)
    money = _money(row, transactions)
    problems = _problems(row, rating, version=version, lots=lots, transactions=transactions)
    return Receipt(
        request_id=row["request_id"],
        parties=Parties(
            organization_id=row["organization_id"],
            organization_name=row["organization_name"],
            workspace_id=row["workspace_id"],
            key_id=row["key_id"],
            key_name=row["key_name"],
            labels=Labels(row["end_user"], row["tag"]),
        ),
        times=Times(row["held_at"], row.get("valid_until"), row.get("ended_at"), clock.now()),
        model=row["model"],
        upstream=row["upstream"],
        is_rehearsal=row["is_rehearsal"],
        state="mismatch" if problems else row.get("state", "open"),
        rule_id=row.get("rule_id"),
        price_version=version,
        price_digest=row["digest"],
        facts=facts,
        rating=rating,
        money=money,
        lots=lots,
        transactions=transactions,
        problems=problems,
        cache_break=cache_break,
        terms=terms,
    )


def _parse_reversal(row: DictRow) -> ReversedCharge:
    draws = tuple((lot_id, nano) for lot_id, nano in row["draws"])
    return ReversedCharge(**{**row, "draws": draws})


def _parse_facts(event: DictRow, terms: Terms | None) -> UsageFacts:
    usage = None
    if event["state"] == "accepted":
        usage = Usage(
            input_tokens=event["input_tokens"],
            cache_creation_5m_input_tokens=event["cache_creation_5m_input_tokens"],
            cache_creation_1h_input_tokens=event["cache_creation_1h_input_tokens"],
            cache_read_input_tokens=event["cache_read_input_tokens"],
            output_tokens=event["output_tokens"],
            web_search_requests=event["web_search_requests"],
            thinking_tokens=event["thinking_tokens"] or 0,
        )
    conditions = Conditions(event["service_tier"], event["inference_geo"], event["speed"])
    return UsageFacts(usage, event["source"], agree(conditions, terms), event["reported"])


def _money(row: DictRow, transactions: Sequence[PostedTransaction]) -> Money:
    owed_nano = sum(
        amount_nano
        for transaction in transactions
        for account, _, amount_nano in transaction.postings
        if account == "receivable"
    )
    return Money(
        held_nano=row["held_nano"],
        list_nano=row.get("list_nano", 0),
        net_nano=row.get("net_nano", 0),
        overrun_nano=row.get("overrun_nano", 0),
        owed_nano=owed_nano,
    )


def _problems(
    row: DictRow,
    rating: Rating | None,
    *,
    version: PriceVersion,
    lots: Sequence[PaidLot],
    transactions: Sequence[PostedTransaction],
) -> tuple[str, ...]:
    found = []
    if version.digest != row["digest"]:
        found.append(
            f"The price version {version.price_version_id} was stored as {row['digest']},"
            f" but reads as {version.digest}."
        )
    if sum(amount for entry in transactions for _, _, amount in entry.postings) != 0:
        found.append("The postings of this request do not sum to zero.")
    if "state" not in row:
        return tuple(found)
    if row["state"] == "settled":
        found += _rating_problems(row, rating)
    used_nano = -sum(
        amount for entry in transactions for account, _, amount in entry.postings if account in _USED
    )
    paid_nano = sum(lot.amount_nano for lot in lots) + _money(row, transactions).owed_nano
    for nano, what in ((used_nano, "the ledger posted"), (paid_nano, "the lots and the debt come to")):
        if nano != row["net_nano"]:
            found.append(f"The charge is {display_usd(row['net_nano'])}, but {what} {display_usd(nano)}.")
    return tuple(found)


def _rating_problems(row: DictRow, rating: Rating | None) -> list[str]:
    if rating is None:
        return ["The charge is settled, but its usage is not stored."]
    again = [(line.bucket.value, line.quantity, line.list_nano, line.net_nano) for line in rating.lines]
    stored = [
        (line["bucket"], line["quantity"], line["list_nano"], line["net_nano"]) for line in row["lines"]
    ]
    found = []
    if (rating.list_nano, rating.net_nano) != (row["list_nano"], row["net_nano"]):
        found.append(
            f"The stored usage rates to {display_usd(rating.net_nano)} (list"
            f" {display_usd(rating.list_nano)}), but {display_usd(row['net_nano'])} (list"
            f" {display_usd(row['list_nano'])}) was charged."
        )
    if again != stored:
        found.append("The lines of the stored charge are not the lines of the stored usage.")
    return found
