"""Account: the statement of what was billed and paid, with the balance after each, also as CSV."""

from datetime import date, timedelta

from jeton import clock
from jeton.billing.currencies import render_minor
from jeton.billing.receivables.account import Account, read_account
from jeton.billing.rendering.accounts import render_account
from jeton.console.choices import CHOICES
from jeton.console.errors import InvalidFilterError
from jeton.console.files.downloading import Sheet
from jeton.console.routes.billing.desk import our_id
from jeton.console.routes.invoices.listing import PLACE as INVOICES
from jeton.console.visit import View, Visit
from jeton.identity.roles.permissions import Permission

PLACE = f"{INVOICES}/statement"
DAYS_SHOWN = 365
FIRST_ON = date(2000, 1, 1)
LAST_ON = date(2200, 1, 1)
ENTRY_NAMES = {
    "invoice": "Invoice",
    "receipt": "Receipt",
    "credit_note": "Credit note",
    "payment": "Payment",
    "payment_return": "Payment taken back",
    "write_off": "Written off",
}


async def show_account(visit: Visit) -> View:
    """The statement from one day until another, by default the last year."""
    account = await _read(visit)
    at = clock.now()
    context = {
        "as_of": at,
        "account": account,
        "names": ENTRY_NAMES,
        "currencies": sorted({*account.opening, *account.closing}),
        "last_on": account.until_on - timedelta(days=1),
    }
    return View("invoices/account.html", context, {**render_account(account), "as_of": at.isoformat()})


async def export_account(visit: Visit) -> Sheet:
    """The same as rows."""
    account = await _read(visit)
    rows = [
        (
            entry.on.isoformat(),
            entry.kind,
            entry.subject_id,
            entry.text,
            entry.currency,
            render_minor(entry.amount_minor, entry.currency),
            render_minor(entry.balance_minor, entry.currency),
        )
        for entry in account.entries
    ]
    columns = ("on", "kind", "subject_id", "text", "currency", "amount", "balance")
    return Sheet(f"statement-{account.from_on}.csv", columns, rows)


async def _read(visit: Visit) -> Account:
    visit.require(Permission.SEE_BILLING)
    today = clock.now().astimezone(CHOICES.get().zone).date()
    from_on = _read_day(visit, "from") or today - timedelta(days=DAYS_SHOWN)
    last_on = _read_day(visit, "until") or today
    async with visit.deps.pool.connection() as connection:
        return await read_account(
            connection, our_id(visit), from_on=from_on, until_on=last_on + timedelta(days=1)
        )


def _read_day(visit: Visit, name: str) -> date | None:
    text = visit.find_filter(name)
    if not text:
        return None
    try:
        on = date.fromisoformat(text)
    except ValueError:
        raise InvalidFilterError(name, f"is {text!r}, not a day such as 2026-11-23") from None
    if not FIRST_ON <= on < LAST_ON:
        raise InvalidFilterError(name, f"is {on}, not a day from {FIRST_ON} to {LAST_ON}")
    return on
