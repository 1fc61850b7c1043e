"""Judging: what must hold after a year, to the nano and to the cent."""

import asyncio
import io
import subprocess
import sys
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.money.town import STARTS_AT, Town

from jeton.billing.invoicing.rounding import scale
from jeton.db.pool import Connection
from jeton.insight.accounts.ageing import read_ageing, state_ageing
from jeton.insight.accounts.deferred import read_deferred, state_deferred
from jeton.insight.accounts.tax import read_tax, state_tax
from jeton.insight.accounts.trial_balance import read_trial_balance, state_trial_balance
from jeton.insight.accounts.words import Stretch
from jeton.insight.exports.beancount import write_beancount
from jeton.insight.exports.journal import Selection
from jeton.insight.verify import snapshot, verify

CENT_NANO = 10_000_000
NAMED_MAX = 5

# Of every organization: what its documents bill of usage, less what credit notes take back, and its charges.
_BILLED = """
    SELECT organization_id, coalesce(billed.nano, 0), coalesce(charged.nano, 0)
    FROM (
        SELECT l.organization_id,
               sum(CASE WHEN d.kind = 'credit_note' THEN -l.net_nano ELSE l.net_nano END) AS nano
        FROM document_lines AS l JOIN documents AS d USING (document_id)
        WHERE l.kind IN ('usage', 'adjustment') AND d.purpose IN ('period', 'adjustment', 'cancellation')
        GROUP BY 1
    ) AS billed FULL JOIN (
        SELECT organization_id, sum(nano) AS nano FROM (
            SELECT organization_id, net_nano AS nano FROM charges WHERE state = 'settled'
            UNION ALL SELECT organization_id, -amount_nano FROM reversals
            UNION ALL SELECT organization_id, amount_nano FROM supplemented_charges
        ) AS parts GROUP BY 1
    ) AS charged USING (organization_id)
    WHERE coalesce(billed.nano, 0) <> coalesce(charged.nano, 0)
"""
# Lots that somebody paid for: what is left of them, at what it cost, worked out in whole numbers.
_UNUSED = """
    SELECT coalesce(sum(cost_basis_nano - earned), 0)::bigint FROM (
        SELECT cost_basis_nano, gone * cost_basis_nano / granted_nano AS exact,
               CASE WHEN 2 * mod(gone * cost_basis_nano, granted_nano) > granted_nano
                      OR (2 * mod(gone * cost_basis_nano, granted_nano) = granted_nano
                          AND mod(div(gone * cost_basis_nano, granted_nano), 2) = 1)
                    THEN div(gone * cost_basis_nano, granted_nano) + 1
                    ELSE div(gone * cost_basis_nano, granted_nano) END AS earned
        FROM (SELECT cost_basis_nano, granted_nano, (granted_nano - left_nano - held_nano)::numeric AS gone
              FROM lots WHERE kind IN ('paid', 'commit')) AS l
    ) AS parts
"""
_DOCUMENTS = """
    SELECT d.number, d.currency, d.rate, d.lines_minor, d.tax_minor, d.total_minor, d.tax_nano, d.total_nano,
           (SELECT coalesce(sum(net_minor), 0) FROM document_lines AS l WHERE l.document_id = d.document_id),
           (SELECT coalesce(sum(net_nano), 0) FROM document_lines AS l WHERE l.document_id = d.document_id),
           d.net_nano,
           (SELECT sum(p.amount_nano) FROM postings AS p
            WHERE p.transaction_id = d.transaction_id AND p.account = 'tax')
    FROM documents AS d
"""
# Of every lot that was sold without tax: what documents say that it paid, and what of it is used.
_VOUCHERS = """
    SELECT v.lot_id, coalesce(told.nano, 0), l.used_nano FROM vouchers AS v JOIN lots AS l USING (lot_id)
    LEFT JOIN (
        SELECT split_part(line_key, '|', 3) AS lot_id,
               sum(CASE WHEN d.kind = 'credit_note' THEN n.net_nano ELSE -n.net_nano END) AS nano
        FROM document_lines AS n JOIN documents AS d USING (document_id)
        WHERE line_key LIKE 'voucher|paid|%%' OR line_key LIKE 'voucher|given|%%' GROUP BY 1
    ) AS told USING (lot_id)
    WHERE coalesce(told.nano, 0) <> l.used_nano
"""
_GAPS = """
    SELECT series, max(sequence), count(*) FROM documents GROUP BY series HAVING max(sequence) <> count(*)
"""
_ACCRUED = (
    "SELECT organization_id, accrued_nano, held_nano FROM balances WHERE accrued_nano <> 0 OR held_nano <> 0"
)
_CLAIMS = """
    SELECT (coalesce((SELECT sum(owed_nano) FROM disputes WHERE state <> 'won'), 0)
        + coalesce((SELECT sum(owed_nano) FROM refunds WHERE state <> 'failed'), 0))::bigint
"""
# What documents say of tax, what was given up with debts, and what banks took back with purchases.
_TAX = """
    SELECT (SELECT sum(tax_nano) FROM balances),
           (SELECT coalesce(sum(CASE WHEN kind = 'credit_note' THEN tax_nano ELSE -tax_nano END), 0)
            FROM documents)
         + (SELECT coalesce(sum(tax_nano), 0) FROM write_offs)
         + (SELECT coalesce(sum(tax_nano), 0) FROM disputes WHERE state <> 'won')
"""
# Card payments of documents are among what was received.
_BY_CARD = "SELECT provider_payment_id FROM payments WHERE purpose = 'document' AND state = 'succeeded'"
_OPEN_PAYMENTS = "SELECT count(*) FROM payments WHERE settled_at IS NULL"
# What is in cash, and what came in beside cards, with what the rates of documents made of it.
_CASH = """
    SELECT organization_id, cash_nano, coalesce(nano, 0)::bigint FROM balances LEFT JOIN (
        SELECT organization_id, sum(nano) AS nano FROM (
            SELECT organization_id, amount_nano AS nano FROM received_payments WHERE method <> 'credit_note'
            UNION ALL SELECT organization_id, -amount_nano FROM payment_returns
            UNION ALL SELECT organization_id, amount_nano - released_nano FROM payment_applications
        ) AS parts GROUP BY 1
    ) AS transfers USING (organization_id) ORDER BY organization_id
"""


async def judge(town: Town, folder: Path) -> list[str]:
    """Every difference as a sentence; none in a sound year."""
    problems: list[str] = []
    async with town.pool.connection() as connection:
        problems += (await verify(connection)).findings[:NAMED_MAX]
    async with town.pool.connection() as connection, snapshot(connection):
        problems += await _judge_documents(connection)
        problems += await _judge_statements(connection, town)
        problems += await _judge_cash(connection, town)
        problems += await _judge_beancount(connection, folder)
    return problems


async def _judge_documents(connection: Connection) -> list[str]:
    """Documents come to what was charged, their lines to their totals, and cents are cents in the ledger."""
    problems = [
        f"{organization_id}: documents bill {billed} nano of usage, and {charged} were charged"
        for organization_id, billed, charged in await _fetch(connection, _BILLED)
    ]
    problems += [
        f"{lot_id}: documents say that it paid {told} nano, and {used} are used"
        for lot_id, told, used in await _fetch(connection, _VOUCHERS)
    ]
    problems += [
        f"series {series}: {count} documents, and the last number is {last}"
        for series, last, count in await _fetch(connection, _GAPS)
    ]
    problems += [
        f"{organization_id}: {accrued} nano are accrued and {held} held, and everything is billed"
        for organization_id, accrued, held in await _fetch(connection, _ACCRUED)
    ]
    for row in await _fetch(connection, _DOCUMENTS):
        number, currency, rate, lines_minor, tax_minor, total_minor, tax_nano, total_nano = row[:8]
        if (row[8], row[9]) != (lines_minor, row[10]) or lines_minor + tax_minor != total_minor:
            problems.append(f"{number}: its lines do not sum to its total")
        if currency == "USD" and (total_nano, tax_nano) != (total_minor * CENT_NANO, tax_minor * CENT_NANO):
            problems.append(f"{number}: {total_minor} cents, and {total_nano} nano in the ledger")
        if round(total_nano * scale(currency, Fraction(rate))) != total_minor:
            problems.append(f"{number}: {total_nano} nano are not {total_minor} of {currency}")
        if row[11] is not None and abs(row[11]) != tax_nano:
            problems.append(f"{number}: its tax is {tax_nano} nano, and {row[11]} were posted")
    return problems


async def _judge_statements(connection: Connection, town: Town) -> list[str]:
    """Trial balance, deferred revenue and ageing tie; what is owed on no document was taken back."""
    stretch = Stretch(town.at)
    deferred = await read_deferred(connection, stretch)
    ageing = await read_ageing(connection, stretch, town.at.date())
    statements = [state_deferred(deferred), state_ageing(ageing)]
    # Of the whole time, and of a stretch in the middle of it.
    for some in (stretch, Stretch(STARTS_AT + timedelta(days=70), STARTS_AT + timedelta(days=40))):
        statements += [
            state_trial_balance(await read_trial_balance(connection, some)),
            state_deferred(await read_deferred(connection, some)),
            state_ageing(await read_ageing(connection, some, some.until_at.date())),
            state_tax(*await read_tax(connection, some)),
        ]
    problems = [f"{one.name} does not tie: {one.checks}" for one in statements if not one.is_tied]
    ((unused,),) = await _fetch(connection, _UNUSED)
    if deferred.sum("closing_nano") != unused:
        problems.append(f"{deferred.sum('closing_nano')} nano are deferred, and {unused} are unused")
    ((claims,),) = await _fetch(connection, _CLAIMS)
    if ageing.sum("unbilled") != claims:
        problems.append(f"{ageing.sum('unbilled')} nano are owed on no document, and {claims} taken back")
    return problems


async def _judge_cash(connection: Connection, town: Town) -> list[str]:
    """Cash is what the bank and transfers brought; tax is what documents say."""
    ((waiting,),) = await _fetch(connection, _OPEN_PAYMENTS)
    problems = [f"{waiting} payments have no end"] if waiting else []
    by_card = {row[0] for row in await _fetch(connection, _BY_CARD)}
    taken = town.bank.sum_received(by_card)
    ((tax, expected_tax),) = await _fetch(connection, _TAX)
    if tax != expected_tax:
        problems.append(f"tax is {tax} nano, and documents come to {expected_tax}")
    for organization_id, cash, transfers in await _fetch(connection, _CASH):
        expected = taken.get(f"cus_{organization_id}", 0) * CENT_NANO + transfers
        if cash != expected:
            problems.append(
                f"{organization_id}: cash is {cash} nano, and the bank and transfers brought {expected}"
            )
    return problems


async def _judge_beancount(connection: Connection, folder: Path) -> list[str]:
    """Somebody else's program agrees with every balance, with a tolerance of nothing."""
    text = io.StringIO()
    await write_beancount(connection, Selection(), text.write, lambda _: None)
    path = folder / "books.beancount"
    path.write_text(text.getvalue(), encoding="utf-8")
    checker = Path(sys.executable).parent / "bean-check"
    done = await asyncio.create_subprocess_exec(
        checker, path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await done.communicate()
    return [f"bean-check: {said[:500]!r}"] if done.returncode or said else []


async def _fetch(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query.encode())).fetchall()
