"""Closing: what is to be done before a month is closed, the lock, and the statements of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import sha256

from jeton import clock
from jeton.billing.books_lock import find_locked_until
from jeton.billing.closing.checklist import read_checklist
from jeton.billing.closing.closing import close_month, list_closings, reopen_month
from jeton.billing.closing.exports import Delivery, record_export
from jeton.billing.closing.words import Closing, Month, find_month, parse_month
from jeton.console.files.downloading import Make, Sheet, render_sheet
from jeton.console.routes.billing.desk import office_of
from jeton.console.routes.finance.documents import REASON_CHARS_MAX
from jeton.console.routes.operating.inbox import operator
from jeton.console.visit import View, Visit
from jeton.db.pool import Connection
from jeton.identity.audit import record_audit
from jeton.insight.accounts.ageing import last_day, read_ageing, state_ageing
from jeton.insight.accounts.deferred import read_deferred, read_deferred_now, state_deferred
from jeton.insight.accounts.income import read_income, state_income
from jeton.insight.accounts.rendering import render_row
from jeton.insight.accounts.trial_balance import read_trial_balance, state_trial_balance
from jeton.insight.accounts.words import Statement, Stretch
from jeton.insight.verify import snapshot
from jeton.money import render_usd
from jeton.watch.proofs import request_proof

PLACE = "/console/close"
STATEMENT_NAMES = {
    "trial-balance": "Trial balance",
    "deferred-revenue": "Deferred revenue, lot by lot",
    "income": "Income",
    "ageing": "Ageing of receivables",
}


async def show_closing(visit: Visit) -> View:
    """The checklist of ``month``, by default the next one to close; which months are closed."""
    visit.require_operator()
    at = clock.now()
    async with visit.deps.pool.connection() as connection:
        locked_until = await find_locked_until(connection)
        month = _read_month(visit, at, locked_until)
        items = await read_checklist(connection, month, at)
        closings = await list_closings(connection)
        deferred_nano = await read_deferred_now(connection)
    context = {
        "as_of": at,
        "month": month,
        "items": items,
        "open": [item for item in items if item.state == "open"],
        "locked_until": locked_until,
        "is_closed": locked_until is not None and month.ends_at <= locked_until,
        "is_newest": locked_until == month.ends_at,
        "closings": closings,
        "deferred_nano": deferred_nano,
        "statements": STATEMENT_NAMES,
        "before": find_month(month.starts_at - timedelta(seconds=1), office_of(visit).books_zone).name,
        "after": find_month(month.ends_at, office_of(visit).books_zone).name,
        "reason_chars_max": REASON_CHARS_MAX,
    }
    data = {
        "type": "finance_close",
        "as_of": at.isoformat(),
        "closed_until": None if locked_until is None else locked_until.isoformat(),
        "month": month.name,
        "zone": month.zone,
        "deferred_revenue": render_usd(deferred_nano),
        "checklist": [asdict(item) for item in items],
        "closings": [_render(one) for one in closings],
    }
    return View("finance/close.html", context, data)


async def close(visit: Visit, form: Mapping[str, str]) -> str:
    """Close a month: nothing is posted into it any more."""
    visit.require_operator()
    month = parse_month(form.get("month", ""), office_of(visit).books_zone)
    async with visit.deps.pool.connection() as connection:
        reason = form.get("reason", "").strip()
        await close_month(connection, month, by=operator(visit), at=clock.now(), reason=reason)
    return f"{PLACE}?month={month.name}"


async def reopen(visit: Visit, form: Mapping[str, str]) -> str:
    """Open the newest closed month again."""
    visit.require_operator()
    month = parse_month(form.get("month", ""), office_of(visit).books_zone)
    async with visit.deps.pool.connection() as connection:
        reason = form.get("reason", "").strip()
        await reopen_month(connection, month, by=operator(visit), at=clock.now(), reason=reason)
    return f"{PLACE}?month={month.name}"


async def prove(visit: Visit, form: Mapping[str, str]) -> str:
    """Have the books proved, in the background and in the operator's name."""
    visit.require_operator()
    month = parse_month(form.get("month", ""), office_of(visit).books_zone)
    by = operator(visit)
    async with visit.deps.pool.connection() as connection:
        if await request_proof(connection, by=by.name, at=clock.now()):
            await record_audit(connection, by, "ledger.proof_requested", subject="ledger")
    return f"{PLACE}?month={month.name}"


def _make_export(name: str) -> Make:
    async def export(visit: Visit) -> Sheet:
        visit.require_operator()
        at = clock.now()
        async with visit.deps.pool.connection() as connection:
            month = _read_month(visit, at, await find_locked_until(connection))
        async with visit.deps.pool.connection() as connection, snapshot(connection):
            statement = await _read_statement(connection, name, month)
        sheet = _make_sheet(name, month, statement)
        digest = sha256(render_sheet(sheet).encode()).digest()
        delivery = Delivery(name, month.starts_at, month.ends_at, digest)
        async with visit.deps.pool.connection() as connection:
            await record_export(connection, delivery, by=operator(visit), at=at)
        return sheet

    return export


EXPORTS: Mapping[str, Make] = {name: _make_export(name) for name in STATEMENT_NAMES}


async def _read_statement(connection: Connection, name: str, month: Month) -> Statement:
    stretch = Stretch(month.ends_at, month.starts_at)
    if name == "trial-balance":
        return state_trial_balance(await read_trial_balance(connection, stretch))
    if name == "deferred-revenue":
        return state_deferred(await read_deferred(connection, stretch))
    if name == "income":
        return state_income(await read_income(connection, stretch))
    today = last_day(month.ends_at).date()
    return state_ageing(await read_ageing(connection, stretch, today))


def _make_sheet(name: str, month: Month, statement: Statement) -> Sheet:
    columns: Sequence[str] = [column.removesuffix("_nano") for column in statement.columns]
    rows = [tuple(render_row(statement, row)) for row in statement.rows]
    return Sheet(f"{name}-{month.name}.csv", columns, rows)


def _read_month(visit: Visit, at: datetime, locked_until: datetime | None) -> Month:
    zone, text = office_of(visit).books_zone, visit.find_filter("month")
    if text:
        return parse_month(text, zone)
    if locked_until is not None:
        return find_month(locked_until, zone)
    return find_month(find_month(at, zone).starts_at - timedelta(seconds=1), zone)


def _render(closing: Closing) -> dict[str, object]:
    return {
        "id": closing.closing_id,
        "period_to": closing.period_to.isoformat(),
        "closed_at": closing.closed_at.isoformat(),
        "closed_by": closing.closed_by,
        "reason": closing.reason,
        "reopened_at": None if closing.reopened_at is None else closing.reopened_at.isoformat(),
        "reopened_by": closing.reopened_by,
        "reopen_reason": closing.reopen_reason,
        "deferred_revenue": None if closing.deferred_nano is None else render_usd(closing.deferred_nano),
    }
