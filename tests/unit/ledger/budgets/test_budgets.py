"""Budgets in memory against a model that keeps every hold and charge and adds them up anew."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from jeton.errors import OverloadedError
from jeton.ids import new_uuid
from jeton.ledger.budgets.budgets import Asker, Budgets
from jeton.ledger.budgets.errors import BudgetExceededError, Scope
from jeton.ledger.budgets.storage import parse_budgets, render_budgets
from jeton.ledger.budgets.tally import Alert, Budget, BudgetWindow, Tally, find_percent, forecast
from jeton.ledger.budgets.windows import EPOCH, Period, find_window

ORGANIZATION = new_uuid()
# The night in which Berlin's day has 25 hours.
START = datetime(2026, 10, 24, 12, tzinfo=UTC)
WORKSPACES, KEYS = ("wrkspc_a", "wrkspc_b"), ("apikey_a", "apikey_b", "apikey_c")


def make_budget(
    number: int, limit_nano: int, period: Period = "day", *, is_hard: bool = True, scope_id: str = ""
) -> Budget:
    scope: Scope = "workspace" if scope_id.startswith("wrkspc") else "key" if scope_id else "organization"
    budget = Budget(
        budget_id=f"bdgt_{number}",
        organization_id=ORGANIZATION,
        scope=scope,
        scope_id=scope_id or str(ORGANIZATION),
        period=period,
        zone="Europe/Berlin",
        anchor_day=1,
        limit_nano=limit_nano,
        is_hard=is_hard,
        counted_from=EPOCH,
        created_at=START,
        created_by="test",
    )
    return structs.replace(budget, counted_from=find_window(budget.calendar, START).starts_at)


class Spent(NamedTuple):
    """What a hold is, or was charged."""

    asker: Asker
    nano: int


@dataclass
class Model:
    """Every hold and every charge, and no sums."""

    budgets: list[Budget]
    held: list[Spent] = field(default_factory=list)
    settled: list[Spent] = field(default_factory=list)

    def add_up(self, budget: Budget, at: datetime) -> tuple[int, int]:
        """(held, settled) in the window of an instant."""
        starts_at, ends_at = find_window(budget.calendar, at)

        def total(some: list[Spent]) -> int:
            return sum(
                one.nano
                for one in some
                if self.is_over(budget, one.asker)
                and one.asker.taken_at >= starts_at
                and (ends_at is None or one.asker.taken_at < ends_at)
            )

        return total(self.held), total(self.settled)

    def is_over(self, budget: Budget, asker: Asker) -> bool:
        return budget.scope == "organization" or budget.scope_id in {asker.workspace_id, asker.key_id}

    def admits(self, asker: Asker, nano: int) -> bool:
        return all(
            sum(self.add_up(budget, asker.taken_at)) + nano <= budget.limit_nano
            for budget in self.budgets
            if budget.is_hard and self.is_over(budget, asker)
        )


BUDGETS = st.lists(
    st.tuples(
        st.integers(1, 2_000),
        st.sampled_from(["day", "week", "month", "total"]),
        st.booleans(),
        st.sampled_from(["", *WORKSPACES, *KEYS]),
    ),
    max_size=5,
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["hold", "settle", "release", "store"]),
        st.integers(0, 500),
        st.integers(-120, 60 * 26),  # minutes: clocks of two nodes differ, and time goes on
        st.sampled_from(WORKSPACES),
        st.sampled_from(KEYS),
    ),
    max_size=60,
)


def stored(
    budgets: Budgets, written: dict[tuple[str, datetime], BudgetWindow], inner: list[Budget]
) -> Budgets:
    """What another node would read after this one wrote: the two newest windows, and those held in."""
    for window in budgets.changed_windows():
        written[window.budget_id, window.starts_at] = window
    assert render_budgets([budgets])[0] is None
    budgets.turn_page()
    tallies = []
    for budget in inner:
        windows = sorted(
            (one for (budget_id, _), one in written.items() if budget_id == budget.budget_id),
            key=lambda one: one.starts_at,
        )
        kept = [one for one in windows[:-2] if one.held_nano] + windows[-2:]
        tallies.append(Tally(budget, kept))
    return Budgets(tallies)


@given(BUDGETS, STEPS)
def test_what_budgets_count_is_what_was_held_and_settled(
    wanted: list[tuple[int, Period, bool, str]], steps: list[tuple[str, int, int, str, str]]
) -> None:
    """Held and settled agree with the model in each window; hard ones admit exactly what fits."""
    model = Model(
        [
            make_budget(number, limit, period, is_hard=is_hard, scope_id=scope_id)
            for number, (limit, period, is_hard, scope_id) in enumerate(wanted)
        ]
    )
    written: dict[tuple[str, datetime], BudgetWindow] = {}
    budgets = Budgets(Tally(budget, ()) for budget in model.budgets)
    at = START
    for step, nano, minutes, workspace_id, key_id in steps:
        at = max(START, at + timedelta(minutes=minutes))
        asker = Asker(workspace_id, key_id, at)
        if step == "hold":
            refusal = budgets.refuse(asker, nano)
            if isinstance(refusal, OverloadedError):
                continue
            assert (refusal is None) is model.admits(asker, nano)
            if refusal is None:
                budgets.take(asker, nano)
                model.held.append(Spent(asker, nano))
            else:
                assert isinstance(refusal, BudgetExceededError)
                assert refusal.left_nano < nano
        elif step == "store":
            budgets = stored(budgets, written, model.budgets)
        elif model.held and budgets.knows(model.held[nano % len(model.held)].asker):
            hold = model.held.pop(nano % len(model.held))
            net_nano = 0 if step == "release" else hold.nano * minutes % (hold.nano + 1)
            budgets.end(hold.asker, hold.nano, net_nano=net_nano, at=at)
            model.settled.append(Spent(hold.asker, net_nano))
        check(budgets, model)


def check(budgets: Budgets, model: Model) -> None:
    for budget in model.budgets:
        tally = budgets.find(budget.budget_id)
        assert tally is not None
        for window in tally.windows:
            assert (window.held_nano, window.settled_nano) == model.add_up(budget, window.starts_at)
            if budget.is_hard:
                assert window.held_nano + window.settled_nano <= budget.limit_nano


def test_what_fits_to_the_nano_is_admitted() -> None:
    budgets = Budgets([Tally(make_budget(1, 1_000), ())])
    asker = Asker("wrkspc_a", "apikey_a", START)
    budgets.take(asker, 999)
    assert budgets.refuse(asker, 1) is None
    assert isinstance(budgets.refuse(asker, 2), BudgetExceededError)


def test_a_budget_comes_back_as_it_was_stored() -> None:
    budget = make_budget(1, 1_000)
    budgets = Budgets()
    budgets.open(Tally(budget, [BudgetWindow(budget.budget_id, START, None, 7, 8, 50)]))
    rows, windows = render_budgets([budgets])
    assert rows is not None
    assert windows is not None
    again = parse_budgets(rows.encode(), windows.encode())[ORGANIZATION].find(budget.budget_id)
    assert again is not None
    assert again.budget == budget
    assert again.windows == [BudgetWindow(budget.budget_id, START, None, 7, 8, 50)]


def tell(limit_nano: int, *nets: int, at: datetime = START) -> list[Alert]:
    budget = make_budget(1, limit_nano, "month")
    budgets = Budgets([Tally(budget, ())])
    asker = Asker("wrkspc_a", "apikey_a", START)
    alerts: list[Alert] = []
    for net_nano in nets:
        alerts += budgets.end(asker, 0, net_nano=net_nano, at=at)
    return alerts


def test_each_threshold_is_told_once_and_of_several_the_highest() -> None:
    """Limit 1,000; settled 499, 500, 501, 920, 999, 1,000, 2,000."""
    percents = [alert.percent for alert in tell(1_000, 499, 1, 1, 419, 79, 1, 1_000) if alert.percent]
    assert percents == [50, 90, 100]


def test_a_percent_is_reached_exactly() -> None:
    assert [find_percent(nano, 10**18) for nano in (5 * 10**17 - 1, 5 * 10**17, 10**18)] == [0, 50, 100]


def test_the_pace_is_told_once_from_a_tenth_of_the_window_on() -> None:
    """October in Berlin has 745 hours; the 24th at noon UTC is 566 hours in."""
    assert [alert.forecast_nano for alert in tell(1_000, 100, 500, 200, 100) if alert.percent is None] == [
        800 * 745 // 566
    ]
    early = START.replace(day=2)
    assert [alert for alert in tell(1_000, 100, at=early) if alert.percent is None] == []


def test_a_window_that_is_over_has_no_forecast() -> None:
    window = BudgetWindow("bdgt_1", START, START + timedelta(days=1), 0, 10)
    assert forecast(window, START + timedelta(hours=12)) == 20
    assert forecast(window, START + timedelta(days=1)) == 0
    assert forecast(BudgetWindow("bdgt_1", EPOCH, None, 0, 10), START) == 0


def test_windows_tile_when_the_rules_of_a_zone_are_changed_under_them() -> None:
    """A window was stored by other rules, to end two hours later; the next one begins where it ends."""
    budget = make_budget(1, 10)
    starts_at, ends_at = find_window(budget.calendar, START)
    assert ends_at is not None
    other = BudgetWindow(budget.budget_id, starts_at, ends_at + timedelta(hours=2), 1, 1)
    tally = Tally(budget, [other])
    assert tally.find_window(ends_at + timedelta(hours=1)) is other
    following = tally.find_window(ends_at + timedelta(hours=2))
    assert following is not None
    assert following.starts_at == other.ends_at


def test_a_window_that_is_not_in_memory_is_not_taken_for_a_new_one() -> None:
    """Older than the two newest: something may have been counted in it."""
    budget = make_budget(1, 10)
    days = [START + timedelta(days=days) for days in (2, 4, 6)]
    tally = Tally(
        budget, [BudgetWindow(budget.budget_id, *find_window(budget.calendar, day)) for day in days]
    )
    assert tally.find_window(START + timedelta(days=3)) is None
    assert tally.find_window(START + timedelta(days=5)) is not None
    budgets = Budgets([tally])
    assert not budgets.knows(Asker("wrkspc_a", "apikey_a", START))
    assert isinstance(budgets.refuse(Asker("wrkspc_a", "apikey_a", START), 1), OverloadedError)
