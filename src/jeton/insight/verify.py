"""Verify: recompute the books from their facts and name every nano-dollar that differs.

Everything is read in one snapshot. Postings are the truth for balances and lots; usage events
and stored price versions are the truth for charges; charges are the truth for rollups.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from psycopg import IsolationLevel

from jeton.db.pool import Connection
from jeton.ledger.chart import Account
from jeton.metering.events import ROLLUP_KEY, ROLLUP_SUMS
from jeton.money import render_usd
from jeton.pricing.book import PriceVersion
from jeton.pricing.rating import Conditions, rate
from jeton.usage import Usage

FINDINGS_MAX = 1_000
ROWS_A_FETCH = 2_000

_CREDIT = frozenset({Account.CREDIT_PAID, Account.CREDIT_FREE})
_LOT_FIELDS = ("granted", "left", "held", "used", "expired")


@dataclass(slots=True)
class Proof:
    """What was checked and what was found wrong; sound when nothing was."""

    transactions: int = 0
    charges: int = 0
    lots: int = 0
    organizations: int = 0
    open_holds: int = 0
    rollups: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether the books are right to the nano-dollar."""
        return not self.findings

    def find(self, sentence: str) -> None:
        """Note something wrong; beyond ``FINDINGS_MAX`` only the first ones are kept."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(sentence)


async def verify(connection: Connection, on_progress: Callable[[int], None] = lambda _: None) -> Proof:
    """Check every balance, lot, hold, charge and rollup; ``on_progress`` gets the rows read so far.

    ``connection`` must be idle; it is left idle.
    """
    proof = Proof()
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL statement_timeout = 0")
            held = await _verify_journal(connection, proof, on_progress)
            await _verify_holds(connection, proof, held)
            rollups = await _verify_charges(connection, proof, on_progress)
            await _verify_rollups(connection, proof, rollups)
    finally:
        await connection.set_isolation_level(None)
        await connection.set_read_only(None)
    return proof


async def _rows(connection: Connection, name: str, query: str) -> AsyncIterator[tuple[Any, ...]]:
    async with connection.cursor(name) as cursor:
        cursor.itersize = ROWS_A_FETCH
        await cursor.execute(query)
        async for row in cursor:
            yield row


async def _verify_journal(
    connection: Connection, proof: Proof, on_progress: Callable[[int], None]
) -> dict[UUID, int]:
    """Balances and lots against the postings; returns what is held, by organization."""
    accounts: dict[tuple[UUID, str], int] = defaultdict(int)
    lots: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_LOT_FIELDS, 0))
    query = "SELECT transaction_id, organization_id, movement, accounts, lots, amounts FROM transactions"
    async for transaction_id, organization_id, movement, codes, lot_ids, amounts in _rows(
        connection, "journal", query
    ):
        proof.transactions += 1
        if sum(amounts):
            proof.find(f"Transaction {transaction_id} sums to {sum(amounts)} nano, not to 0.")
        for account, lot_id, nano in zip(codes, lot_ids, amounts, strict=True):
            accounts[organization_id, account] += nano
            if lot_id:
                _add_to_lot(lots[lot_id], movement, account, nano)
        on_progress(proof.transactions)
    held = {
        organization_id: -nano
        for (organization_id, account), nano in accounts.items()
        if account == Account.HELD
    }
    await _compare_balances(connection, proof, accounts)
    await _compare_lots(connection, proof, lots)
    return held


def _add_to_lot(lot: dict[str, int], movement: str, account: str, nano: int) -> None:
    if account in _CREDIT:
        lot["left"] -= nano
        if movement == "grant":
            lot["granted"] -= nano
    elif account == Account.HELD:
        lot["held"] -= nano
    else:
        lot["expired" if movement == "expire_lot" else "used"] -= nano


async def _compare_balances(
    connection: Connection, proof: Proof, accounts: dict[tuple[UUID, str], int]
) -> None:
    columns = ", ".join(f"{account.replace(':', '_')}_nano" for account in Account)
    async for row in _rows(connection, "balances", f"SELECT organization_id, {columns} FROM balances"):  # noqa: S608 - names from the chart
        proof.organizations += 1
        for account, stored in zip(Account, row[1:], strict=True):
            posted = accounts.pop((row[0], account.value), 0)
            if posted != stored:
                proof.find(
                    f"Organization {row[0]}, account {account}: the balance is {render_usd(stored)} "
                    f"and the postings sum to {render_usd(posted)} dollars."
                )
    for (organization_id, code), posted in accounts.items():
        proof.find(f"Organization {organization_id} has {posted} nano posted to {code} and no balance.")


async def _compare_lots(connection: Connection, proof: Proof, lots: dict[str, dict[str, int]]) -> None:
    query = "SELECT lot_id, granted_nano, left_nano, held_nano, used_nano, expired_nano FROM lots"
    async for row in _rows(connection, "lots", query):
        proof.lots += 1
        posted = lots.pop(row[0], dict.fromkeys(_LOT_FIELDS, 0))
        for name, stored in zip(_LOT_FIELDS, row[1:], strict=True):
            if posted[name] != stored:
                proof.find(
                    f"Lot {row[0]}: {name} is {render_usd(stored)} "
                    f"and the postings say {render_usd(posted[name])} dollars."
                )
    for lot_id in lots:
        proof.find(f"Postings name the lot {lot_id}, which does not exist.")


async def _verify_holds(connection: Connection, proof: Proof, held: dict[UUID, int]) -> None:
    """Open holds against the ``held`` accounts; every hold transaction has an end or is open."""
    opened: dict[UUID, int] = defaultdict(int)
    query = "SELECT request_id, organization_id, amount_nano, draws FROM holds"
    async for request_id, organization_id, amount_nano, draws in _rows(connection, "holds", query):
        proof.open_holds += 1
        opened[organization_id] += amount_nano
        if sum(nano for _, nano in draws) != amount_nano:
            proof.find(f"The hold of {request_id} is {amount_nano} nano and its draws sum to another amount.")
    for organization_id in sorted({*opened, *held}, key=str):
        if opened[organization_id] != held.get(organization_id, 0):
            proof.find(
                f"Organization {organization_id}: open holds sum to {render_usd(opened[organization_id])} "
                f"and its held account is {render_usd(held.get(organization_id, 0))} dollars."
            )
    query = """
        SELECT t.request_id FROM transactions t
        WHERE t.movement = 'hold'
          AND NOT EXISTS (SELECT FROM holds h WHERE h.request_id = t.request_id)
          AND NOT EXISTS (SELECT FROM charges c WHERE c.request_id = t.request_id)
    """
    async for (request_id,) in _rows(connection, "lost_holds", query):
        proof.find(f"The hold of {request_id} is neither open nor ended by a charge.")


_CHARGES = """
    SELECT c.request_id, c.state, c.price_version_id, c.list_nano, c.net_nano, c.overrun_nano, c.lines,
           c.draws, e.state, e.input_tokens, e.cache_creation_5m_input_tokens,
           e.cache_creation_1h_input_tokens, e.cache_read_input_tokens, e.output_tokens,
           e.web_search_requests, e.service_tier, e.inference_geo, e.speed,
           (SELECT -sum(p.amount_nano) FROM unnest(t.accounts, t.amounts) AS p (account, amount_nano)
            WHERE p.account IN ('revenue', 'promotion')),
           c.organization_id, (e.occurred_at AT TIME ZONE 'UTC')::date, c.workspace_id, c.key_id, c.model
    FROM charges c
    LEFT JOIN usage_events e USING (request_id)
    LEFT JOIN transactions t ON t.transaction_id = c.transaction_id
"""


async def _verify_charges(
    connection: Connection, proof: Proof, on_progress: Callable[[int], None]
) -> dict[tuple[Any, ...], dict[str, int]]:
    """Every charge against its usage, its price version and its postings; returns the sums by day."""
    versions = {
        row[0]: PriceVersion.from_content(row[1])
        async for row in _rows(connection, "versions", "SELECT price_version_id, content FROM price_versions")
    }
    sums: dict[tuple[Any, ...], dict[str, int]] = defaultdict(lambda: dict.fromkeys(ROLLUP_SUMS, 0))
    async for row in _rows(connection, "charges", _CHARGES):
        proof.charges += 1
        stored = _Stored(*row[:9])
        if stored.price_version_id not in versions:
            proof.find(f"Charge {stored.request_id} names a price version that is not on record.")
            continue
        if (row[18] or 0) != stored.net_nano:
            proof.find(
                f"Charge {stored.request_id} is {render_usd(stored.net_nano)} and its transaction took "
                f"{render_usd(int(row[18] or 0))} dollars."
            )
        if stored.state == "settled":
            _verify_settled(proof, stored, versions, row, sums)
        elif stored.net_nano:
            proof.find(f"Charge {stored.request_id} is {stored.state} and not 0.")
        on_progress(proof.transactions + proof.charges)
    return sums


class _Stored(msgspec.Struct, frozen=True):
    request_id: str
    state: str
    price_version_id: str
    list_nano: int
    net_nano: int
    overrun_nano: int
    lines: list[dict[str, Any]]
    draws: list[tuple[str, int]]
    event_state: str | None


def _verify_settled(
    proof: Proof,
    stored: _Stored,
    versions: dict[str, PriceVersion],
    row: tuple[Any, ...],
    sums: dict[tuple[Any, ...], dict[str, int]],
) -> None:
    if stored.event_state != "accepted":
        proof.find(f"Charge {stored.request_id} is settled without a usage event that was accepted.")
        return
    usage = Usage(*row[9:15])
    conditions = Conditions(service_tier=row[15], inference_geo=row[16], speed=row[17])
    rating = rate(usage, versions[stored.price_version_id], conditions)
    if (rating.list_nano, rating.net_nano) != (stored.list_nano, stored.net_nano):
        proof.find(
            f"Charge {stored.request_id} is {render_usd(stored.net_nano)} and its usage at "
            f"{stored.price_version_id} comes to {render_usd(rating.net_nano)} dollars."
        )
    lines = [(line["bucket"], line["quantity"], line["list_nano"], line["net_nano"]) for line in stored.lines]
    if lines != [(line.bucket, line.quantity, line.list_nano, line.net_nano) for line in rating.lines]:
        proof.find(f"The lines of charge {stored.request_id} are not those of its usage.")
    paid_nano = sum(nano for _, nano in stored.draws)
    if not stored.net_nano - stored.overrun_nano <= paid_nano <= stored.net_nano:
        proof.find(f"The lots of charge {stored.request_id} paid {paid_nano} of {stored.net_nano} nano.")
    into = sums[(row[19], row[20], row[21], row[22], row[23], row[15])]
    counted = {
        "requests": 1,
        "input_tokens": usage.input_tokens,
        "cache_creation_5m_input_tokens": usage.cache_creation_5m_input_tokens,
        "cache_creation_1h_input_tokens": usage.cache_creation_1h_input_tokens,
        "cache_read_input_tokens": usage.cache_read_input_tokens,
        "output_tokens": usage.output_tokens,
        "web_search_requests": usage.web_search_requests,
        "list_nano": stored.list_nano,
        "net_nano": stored.net_nano,
        **{f"saved_{stage}_nano": nano for stage, nano in rating.saved.items()},
    }
    for name, count in counted.items():
        into[name] += count


async def _verify_rollups(
    connection: Connection, proof: Proof, sums: dict[tuple[Any, ...], dict[str, int]]
) -> None:
    columns = ", ".join((*ROLLUP_KEY, *ROLLUP_SUMS))
    keys = len(ROLLUP_KEY)
    async for row in _rows(connection, "rollups", f"SELECT {columns} FROM usage_rollups"):  # noqa: S608 - names from the struct
        proof.rollups += 1
        expected = sums.pop(row[:keys], dict.fromkeys(ROLLUP_SUMS, 0))
        for name, stored in zip(ROLLUP_SUMS, row[keys:], strict=True):
            if expected[name] != stored:
                proof.find(
                    f"Rollup {row[:keys]}: {name} is {stored} and the charges sum to {expected[name]}."
                )
    for key in sums:
        proof.find(f"The charges of {key} are in no rollup.")
