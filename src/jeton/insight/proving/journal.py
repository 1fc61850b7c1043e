"""Balances, lots and holds against the postings, which are the truth for them."""

from collections import defaultdict
from collections.abc import Callable
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.proving.proof import Proof, read_rows
from jeton.ledger.chart import Account
from jeton.money import render_usd

_CREDIT = frozenset({Account.CREDIT_PAID, Account.CREDIT_FREE})
_LOT_FIELDS = ("granted", "left", "held", "used", "expired", "refunded")
_FILLING = frozenset({"grant", "top_up"})
# Where what leaves a lot goes to; everything else is use, or its reversal.
_ENDS = {"expire_lot": "expired", "adjust": "refunded", "refund": "refunded", "dispute": "refunded"}


async def verify_journal(
    connection: Connection, proof: Proof, on_progress: Callable[[int], None]
) -> dict[UUID, int]:
    """Balances and lots against the postings; returns what is held, by organization."""
    accounts: dict[tuple[UUID, str], int] = defaultdict(int)
    lots: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_LOT_FIELDS, 0))
    query = "SELECT transaction_id, organization_id, movement, accounts, lots, amounts FROM transactions"
    async for transaction_id, organization_id, movement, codes, lot_ids, amounts in read_rows(
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
        if movement in _FILLING:
            lot["granted"] -= nano
    elif account == Account.HELD:
        lot["held"] -= nano
    else:
        lot[_ENDS.get(movement, "used")] -= nano


async def _compare_balances(
    connection: Connection, proof: Proof, accounts: dict[tuple[UUID, str], int]
) -> None:
    columns = ", ".join(f"{account.replace(':', '_')}_nano" for account in Account)
    async for row in read_rows(connection, "balances", f"SELECT organization_id, {columns} FROM balances"):  # noqa: S608 - names from the chart
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
    columns = ", ".join(f"{name}_nano" for name in _LOT_FIELDS)
    query = f"SELECT lot_id, {columns} FROM lots"  # noqa: S608 - names from the list above
    async for row in read_rows(connection, "lots", query):
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


async def verify_holds(connection: Connection, proof: Proof, held: dict[UUID, int]) -> None:
    """Open holds against the ``held`` accounts; every hold transaction has an end or is open."""
    opened: dict[UUID, int] = defaultdict(int)
    query = "SELECT request_id, organization_id, amount_nano, draws FROM holds"
    async for request_id, organization_id, amount_nano, draws in read_rows(connection, "holds", query):
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
        WHERE t.movement = 'hold' AND t.request_id NOT LIKE 'lease\\_%'
          AND t.request_id NOT LIKE 'msgbatch\\_%'
          AND NOT EXISTS (SELECT FROM holds h WHERE h.request_id = t.request_id)
          AND NOT EXISTS (SELECT FROM charges c WHERE c.request_id = t.request_id)
    """
    async for (request_id,) in read_rows(connection, "lost_holds", query):
        proof.find(f"The hold of {request_id} is neither open nor ended by a charge.")
