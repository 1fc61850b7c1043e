"""Beancount: the journal as a text ledger that ``bean-check`` proves without us.

Our postings are signed as Beancount's are, so amounts stay as they are, exact, with nine decimals;
the tolerance is 0. A section an organization: its accounts, what they had before the first day,
every transaction in the order of the chain, and at the end each account's balance as we say it is.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from types import MappingProxyType
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.exports.journal import AccountSums, JournalEntry, Selection, read_accounts, read_entries
from jeton.ledger.chart import Account
from jeton.money import NANO_PER_USD

# Promotion stands among the liabilities, against the credit that was given: together they come to what
# was paid for. Which way a sign points is Beancount's own rule, and ours.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        Account.CREDIT_PAID: "Liabilities:Credit:Paid",
        Account.CREDIT_FREE: "Liabilities:Credit:Free",
        Account.PROMOTION: "Liabilities:Credit:Promotion",
        Account.HELD: "Liabilities:Credit:Held",
        Account.RECEIVABLE: "Assets:Receivable",
        Account.ACCRUED: "Assets:Accrued",
        Account.CASH: "Assets:Cash",
        Account.REVENUE: "Income:Revenue",
        Account.BREAKAGE: "Income:Breakage",
        Account.TAX: "Liabilities:Tax",
        Account.ROUNDING: "Expenses:Rounding",
        Account.REFUNDS: "Expenses:Refunds",
        Account.UPSTREAM_COST: "Expenses:UpstreamCost",
        Account.BAD_DEBT: "Expenses:BadDebt",
    }
)

HEAD = """\
; The books, in dollars with nine decimals. Every balance below is asserted exactly.
option "title" "Ledger"
option "operating_currency" "USD"
option "tolerance_multiplier" "0"
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_LAST = UUID(int=2**128 - 1)
# What would end a line, or a terminal's patience.
_SPACES = dict.fromkeys((*range(32), *range(127, 160), 0x2028, 0x2029), " ")


async def write_beancount(
    connection: Connection,
    selection: Selection,
    write: Callable[[str], object],
    on_progress: Callable[[int], None],
) -> int:
    """Write the file piece by piece; return how many transactions. Reads in the snapshot that is open."""
    entries = read_entries(connection, selection)
    entry = await anext(entries, None)
    written = 0

    async def write_entries(names: Mapping[str, str], up_to: UUID) -> None:
        nonlocal entry, written
        while entry is not None and entry.organization_id <= up_to:
            write(_render_entry(entry, names, selection.zone))
            written += 1
            on_progress(written)
            entry = await anext(entries, None)

    write(HEAD)
    async for sums in _by_organization(read_accounts(connection, selection)):
        names = {one.account: _name(one) for one in sums}
        write(_render_opening(sums, names, selection))
        await write_entries(names, sums[0].organization_id)
        write(_render_closing(sums, names, selection))
    # What is left has no posting at all, such as the hold of a request that cannot cost anything.
    await write_entries({}, _LAST)
    return written


async def _by_organization(rows: AsyncIterator[AccountSums]) -> AsyncIterator[list[AccountSums]]:
    gathered: list[AccountSums] = []
    async for row in rows:
        if gathered and row.organization_id != gathered[0].organization_id:
            yield gathered
            gathered = []
        gathered.append(row)
    if gathered:
        yield gathered


def _name(sums: AccountSums) -> str:
    return f"{NAMES[sums.account]}:Org-{sums.organization_id}"


def _render_opening(sums: Sequence[AccountSums], names: Mapping[str, str], selection: Selection) -> str:
    from_at = selection.from_at or _EPOCH
    lines = ["", f"; Organization {sums[0].organization_id}: {_clean(sums[0].organization or '')}"]
    for one in sums:
        opened_on = max(one.first_at or from_at, from_at).astimezone(selection.zone).date()
        lines.append(f"{opened_on} open {names[one.account]} USD")
    opening = [one for one in sums if one.opening_nano]
    if opening:
        lines += ["", f'{from_at.astimezone(selection.zone).date()} * "opening balances"']
        lines += [f"  {names[one.account]}  {render_nano(one.opening_nano)} USD" for one in opening]
    return "\n".join(lines) + "\n"


def _render_entry(entry: JournalEntry, names: Mapping[str, str], zone: tzinfo) -> str:
    at = entry.posted_at
    narration = f"{entry.movement}: {entry.reason}" if entry.reason else entry.movement
    lines = [
        f"\n{at.astimezone(zone).date()} * {_quote(narration)}",
        f'  transaction: "{entry.transaction_id}"',
        f'  movement: "{entry.movement}"',
        f'  posted: "{at.isoformat()}"',
        f"  sequence: {entry.sequence}",
        f'  digest: "{entry.digest.hex()}"',
    ]
    if entry.request_id is not None:
        lines.append(f"  request: {_quote(entry.request_id)}")
    for account, lot_id, nano in zip(entry.accounts, entry.lots, entry.amounts, strict=True):
        lines.append(f"  {names[account]}  {render_nano(nano)} USD")
        if lot_id:
            lines.append(f'    lot: "{lot_id}"')
    return "\n".join(lines) + "\n"


def _render_closing(sums: Sequence[AccountSums], names: Mapping[str, str], selection: Selection) -> str:
    if selection.until_at is not None:
        closed_on = selection.until_at.astimezone(selection.zone).date()
    else:
        # A balance is asserted for the beginning of its day.
        last_at = max(one.last_at or _EPOCH for one in sums)
        closed_on = last_at.astimezone(selection.zone).date() + _DAY
    lines = [f"{closed_on} balance {names[one.account]}  {render_nano(one.closing_nano)} USD" for one in sums]
    return "\n".join(("", *lines)) + "\n"


def render_nano(nano: int) -> str:
    """Nano as dollars with all nine decimals: 29,000,000 is ``0.029000000``."""
    whole, rest = divmod(abs(nano), NANO_PER_USD)
    return f"{'-' if nano < 0 else ''}{whole}.{rest:09d}"


def _clean(text: str) -> str:
    """The text on one line."""
    return text if text.isprintable() else text.translate(_SPACES)


def _quote(text: str) -> str:
    escaped = _clean(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
