"""Booking: what putting a budget into force, changing or ending it does to a book, in memory."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import structs

from jeton.charging.counting.members import ChangeBudget, OpenBudget
from jeton.db.channel import Channel
from jeton.errors import JetonError
from jeton.ledger.book import Book
from jeton.ledger.budgets.budgets import BUDGETS_MAX, EACH_BUDGETS_MAX
from jeton.ledger.budgets.errors import TooManyBudgetsError, UnknownBudgetError
from jeton.ledger.budgets.tally import Alert, Budget, BudgetWindow, Tally
from jeton.ledger.budgets.windows import find_window

_COUNT = "SELECT sum_held($1, $2, $3, $4, $5), sum_settled($1, $2, $3, $4, $5)"
# The clock of a node may be ahead of ours: what it held already was not counted.
_NEWEST = """
    SELECT to_json(greatest(
        (SELECT max(taken_at) FROM holds WHERE organization_id = $1 AND key_id <> ''),
        (SELECT max(held_at) FROM charges WHERE organization_id = $1 AND held_at >= $2))) #>> '{}'
"""


async def place_opening(channel: Channel, member: OpenBudget) -> OpenBudget:
    """The opening of a budget of every end user from after all that was held; the books must be locked.

    What was before is not looked at: it may be a million end users'. Any other budget stays as it is.
    """
    budget = member.budget
    if not budget.is_each:
        return member
    ((text,),) = await channel.fetch(_NEWEST, str(budget.organization_id), budget.counted_from.isoformat())
    newest = datetime.fromisoformat(text.decode()).astimezone(UTC) if text else None
    if newest is None or newest < budget.counted_from:
        return member
    placed = structs.replace(budget, counted_from=newest + timedelta(microseconds=1))
    return structs.replace(member, budget=placed)


async def count_windows(channel: Channel, budget: Budget) -> list[BudgetWindow]:
    """What the running window of a new budget holds, and the one after; the books must be locked.

    The one after, because another server's clock may be ahead: its holds lie there already.
    """
    windows: list[BudgetWindow] = []
    if budget.is_each:
        return windows
    starts_at: datetime | None = budget.counted_from
    while starts_at is not None and len(windows) <= 1:
        _, ends_at = find_window(budget.calendar, starts_at)
        ((held, settled),) = await channel.fetch(
            _COUNT,
            str(budget.organization_id),
            budget.scope,
            budget.scope_id,
            starts_at.isoformat(),
            None if ends_at is None else ends_at.isoformat(),
        )
        windows.append(BudgetWindow(budget.budget_id, starts_at, ends_at, int(held or 0), int(settled or 0)))
        starts_at = ends_at
    return [window for window in windows if window is windows[0] or window.held_nano or window.settled_nano]


def book_opening(
    book: Book, member: OpenBudget, counted: Sequence[BudgetWindow], *, at: datetime
) -> tuple[list[Alert], str] | JetonError:
    """Put a budget into force with what was counted; what is to be told, and its id."""
    budget = member.budget
    if book.budgets.find(budget.budget_id) is not None:
        return [], budget.budget_id
    if len(book.budgets) >= BUDGETS_MAX:
        return TooManyBudgetsError(BUDGETS_MAX)
    if budget.is_each and book.budgets.each_count >= EACH_BUDGETS_MAX:
        return TooManyBudgetsError(EACH_BUDGETS_MAX, " of every end user")
    tally = Tally(budget, counted)
    book.budgets.open(tally)
    book.is_changed = True
    return _find_alerts(tally, at), budget.budget_id


def book_change(book: Book, member: ChangeBudget, at: datetime) -> tuple[list[Alert], str] | JetonError:
    """Change or end a budget; what is to be told, and its id."""
    tally = book.budgets.find(member.budget_id)
    if tally is None:
        return UnknownBudgetError(member.budget_id)
    budget = tally.budget
    changed = structs.replace(
        budget,
        limit_nano=budget.limit_nano if member.limit_nano is None else member.limit_nano,
        is_hard=budget.is_hard if member.is_hard is None else member.is_hard,
        ended_at=at if member.is_end else None,
    )
    book.budgets.change(tally, changed)
    book.is_changed = True
    return ([] if member.is_end else _find_alerts(tally, at)), budget.budget_id


def _find_alerts(tally: Tally, at: datetime) -> list[Alert]:
    window = next((window for window in tally.windows if window.holds(at)), None)
    return [] if window is None else tally.find_alerts(window, at)
