"""Checklist: what has to be so before a month is closed, each thing with its state and what to do about it.

It asks indexes and sums only, never the journal, so a page may show it.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from jeton.billing.closing.words import Item, ItemKey, Month
from jeton.billing.invoicing.periods import list_due
from jeton.db.pool import Connection

# The clocks of nodes differ, and what a node decided just before the end may be written just after it.
MARGIN = timedelta(minutes=10)
# Counts stop here, so that a month with much to do is looked at quickly.
COUNTED_MAX = 10_000
STATEMENTS = ("trial-balance", "deferred-revenue", "journal")

_COUNTS = """
    SELECT
      (SELECT count(*) FROM (
          SELECT FROM holds WHERE taken_at < %(to)s AND request_id NOT LIKE 'lease\\_%%'
          LIMIT %(most)s) AS h),
      (SELECT max(valid_until) FROM holds WHERE taken_at < %(to)s AND request_id NOT LIKE 'lease\\_%%'),
      (SELECT count(*) FROM (
          SELECT FROM charges WHERE state IN ('quarantined', 'unconfirmed')
          AND held_at >= %(from)s AND held_at < %(to)s LIMIT %(most)s) AS c),
      (SELECT count(*) FROM (
          SELECT FROM lots WHERE is_open AND left_nano > 0 AND expires_at < %(to)s LIMIT %(most)s) AS l),
      (SELECT count(*) FROM (
          SELECT FROM payments WHERE settled_at IS NULL AND started_at < %(to)s LIMIT %(most)s) AS p),
      (SELECT count(*) FROM (
          SELECT FROM bank_lines WHERE state = 'open' AND booked_on < %(to_on)s LIMIT %(most)s) AS b)
"""
_PROOF = """
    SELECT is_sound, started_at, findings_count FROM ledger_proofs
    WHERE ended_at IS NOT NULL AND is_sound IS NOT NULL ORDER BY proof_id DESC LIMIT 1
"""
_EXPORTS = """
    SELECT array_agg(DISTINCT kind) FROM delivered_exports WHERE period_from = %s AND period_to = %s
"""
# Who used anything before the end that no closed period of its own holds yet.
_UNBILLED = """
    SELECT o.organization_id, coalesce(p.zone, 'UTC'), coalesce(p.anchor_day, 1), o.created_at, c.closed_to,
           u.last_at
    FROM organizations AS o
    LEFT JOIN billing_profiles AS p USING (organization_id)
    LEFT JOIN LATERAL (
        SELECT max(period_to) AS closed_to FROM billing_periods AS b
        WHERE b.organization_id = o.organization_id
    ) AS c ON true
    JOIN LATERAL (
        SELECT max(quarter_at) AS last_at FROM usage_quarters AS r
        WHERE r.organization_id = o.organization_id AND r.quarter_at < %(to)s
          AND r.quarter_at >= coalesce(c.closed_to, '-infinity')
    ) AS u ON u.last_at IS NOT NULL
"""


async def read_checklist(connection: Connection, month: Month, at: datetime) -> tuple[Item, ...]:
    """Every item, as things stand at ``at``."""
    to_on = month.ends_at.astimezone(ZoneInfo(month.zone)).date()
    values = {"from": month.starts_at, "to": month.ends_at, "to_on": to_on, "most": COUNTED_MAX}
    row = await (await connection.execute(_COUNTS, values)).fetchone()
    holds, valid_until, unknown, expiries, payments, lines = row or (0, None, 0, 0, 0, 0)
    return (
        _ended(month, at),
        _usage(holds, valid_until),
        _unknown(unknown),
        _expiries(expiries),
        await _proof(connection, month),
        await _documents(connection, month),
        _payments(payments, lines),
        await _exports(connection, month),
    )


def _done(key: ItemKey, sentence: str) -> Item:
    return Item(key, "done", 0, sentence)


def _ended(month: Month, at: datetime) -> Item:
    may_at = month.ends_at + MARGIN
    if at >= may_at:
        return _done("ended", f"{month.name} is over.")
    return Item("ended", "open", 1, f"{month.name} is not over.", f"Wait until {may_at:%Y-%m-%d %H:%M} UTC.")


def _usage(holds: int, valid_until: datetime | None) -> Item:
    if not holds:
        return _done("usage", "Usage is complete: no request that began in the month is open.")
    return Item(
        "usage",
        "open",
        holds,
        f"{holds:,} requests that began in the month are not ended.",
        f"They end by themselves, at the latest at {valid_until:%Y-%m-%d %H:%M} UTC.",
    )


def _unknown(unknown: int) -> Item:
    if not unknown:
        return _done("unknown", "The usage of every request is known.")
    return Item(
        "unknown",
        "attention",
        unknown,
        f"The usage of {unknown:,} requests is not known, so nothing was charged for them.",
        "Look at them under Requests; what becomes known later is billed on the next document.",
    )


def _expiries(expiries: int) -> Item:
    if not expiries:
        return _done("expiries", "Every expiry of credit is booked.")
    return Item(
        "expiries",
        "attention",
        expiries,
        f"{expiries:,} lots expired and are not booked yet.",
        "The closing books them first, for the instants at which they expired.",
    )


async def _proof(connection: Connection, month: Month) -> Item:
    row = await (await connection.execute(_PROOF)).fetchone()
    if row is None or row[1] < month.ends_at:
        return Item(
            "proof",
            "open",
            1,
            "The books were not proved since the end of the month.",
            "Run `jeton ledger close`, which proves them, or Prove now under Health.",
        )
    if not row[0]:
        return Item(
            "proof",
            "open",
            row[2],
            f"The proof of {row[1]:%Y-%m-%d %H:%M} UTC found {row[2]:,} things that are wrong.",
            "See them under Health or with `jeton ledger verify`, and find out why before you close it.",
        )
    return _done("proof", f"The books were proved at {row[1]:%Y-%m-%d %H:%M} UTC.")


async def _documents(connection: Connection, month: Month) -> Item:
    missing = 0
    cursor = await connection.execute(_UNBILLED, {"to": month.ends_at})
    async for _, zone, anchor_day, created_at, closed_to, last_at in cursor:
        due = list_due(ZoneInfo(zone), anchor_day, follows=closed_to, since=created_at, until=month.ends_at)
        missing += sum(period.period_from <= last_at for period in due)
    if not missing:
        return _done("documents", "Every document of periods that ended in the month is issued.")
    return Item(
        "documents",
        "open",
        missing,
        f"{missing:,} periods of organizations that ended in the month have no document yet.",
        "They are issued when their days of grace are over, or now with `jeton invoices close`.",
    )


def _payments(payments: int, lines: int) -> Item:
    count = payments + lines
    if not count:
        return _done("payments", "Every payment is matched.")
    return Item(
        "payments",
        "attention",
        count,
        f"{payments:,} card payments have no outcome yet, {lines:,} lines of bank statements no match.",
        "Match the lines under Receivables; card payments are compared with the provider by themselves.",
    )


async def _exports(connection: Connection, month: Month) -> Item:
    row = await (await connection.execute(_EXPORTS, (month.starts_at, month.ends_at))).fetchone()
    zone = ZoneInfo(month.zone)
    first_on = month.starts_at.astimezone(zone).date()
    last_on = (month.ends_at - timedelta(seconds=1)).astimezone(zone).date()
    missing = [kind for kind in STATEMENTS if kind not in ((row and row[0]) or ())]
    if not missing:
        return _done("exports", "The statements of the month were exported.")
    return Item(
        "exports",
        "attention",
        len(missing),
        f"Not exported yet: {', '.join(missing)}.",
        f"`jeton ledger export --as {missing[0]} --from {first_on} --to {last_on} -o FILE`, best after the"
        " closing.",
    )
