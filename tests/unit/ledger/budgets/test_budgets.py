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
from jeton.ledger.budgets.scopes import EVERY
from jeton.ledger.budgets.storage import parse_budgets, render_budgets
from jeton.ledger.budgets.tally import Alert, Budget, BudgetWindow, OwnedKey, Tally, find_percent, forecast
from jeton.ledger.budgets.windows import EPOCH, Period, find_window

ORGANIZATION = new_uuid()
# The night in which Berlin's day has 25 hours.
START = datetime(2026, 10, 24, 12, tzinfo=UTC)
WORKSPACES, KEYS = ("wrkspc_a", "wrkspc_b"), ("apikey_a", "apikey_b", "apikey_c")
# Model, end user and tag of a request; a label may be the same word as something else.
WHAT = (
    ("model_a", "", ""),
    ("model_a", "eve", ""),
    ("model_b", "ada", ""),
    ("model_a", "ada", "apikey_a"),
    ("model_b", "model_a", "night"),
)
SCOPED: tuple[tuple[Scope, str], ...] = (
    ("organization", ""),
    *(("workspace", one) for one in WORKSPACES),
    *(("key", one) for one in KEYS),
    ("member", "user_a"),
    ("member", "user_b"),
    ("model", "model_a"),
    ("end_user", "ada"),
    ("end_user", "model_a"),
    ("end_user", EVERY),
    ("tag", "night"),
    ("tag", "apikey_a"),
)
# The second key changes hands, the third is nobody's.
HANDED_AT = START + timedelta(hours=20)
OWNED = {
    "user_a": (OwnedKey("apikey_a", EPOCH), OwnedKey("apikey_b", EPOCH, HANDED_AT)),
    "user_b": (OwnedKey("apikey_b", HANDED_AT),),
}


def make_budget(
    number: int,
    limit_nano: int,
    period: Period = "day",
    *,
    is_hard: bool = True,
    scoped: tuple[Scope, str] = SCOPED[0],
) -> Budget:
    scope, scope_id = scoped
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
        keys=OWNED.get(scope_id, ()),
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

    def add_up(self, budget: Budget, at: datetime, end_user: str = "") -> tuple[int, int]:
        """(held, settled) in the window of an instant, of one end user or of all that it counts."""
        starts_at, ends_at = find_window(budget.calendar, at)

        def total(some: list[Spent]) -> int:
            return sum(
                one.nano
                for one in some
                if self.is_over(budget, one.asker)
                and end_user in {"", one.asker.end_user}
                and one.asker.taken_at >= starts_at
                and (ends_at is None or one.asker.taken_at < ends_at)
            )

        return total(self.held), total(self.settled)

    def is_over(self, budget: Budget, asker: Asker) -> bool:
        """Written down beside what is tested: what is whose."""
        if budget.is_each:
            return asker.end_user != ""
        if budget.scope == "member":
            second = "user_a" if asker.taken_at < HANDED_AT else "user_b"
            return {"apikey_a": "user_a", "apikey_b": second}.get(asker.key_id) == budget.scope_id
        return budget.scope == "organization" or budget.scope_id == {
            "workspace": asker.workspace_id,
            "key": asker.key_id,
            "model": asker.model,
            "end_user": asker.end_user,
            "tag": asker.tag,
        }.get(budget.scope)

    def admits(self, asker: Asker, nano: int) -> bool:
        """An end user with a budget of its own, a soft one too, is not under those of every one."""
        has_own = any((one.scope, one.scope_id) == ("end_user", asker.end_user) for one in self.budgets)
        return all(
            sum(self.add_up(budget, asker.taken_at, asker.end_user if budget.is_each else "")) + nano
            <= budget.limit_nano
            for budget in self.budgets
            if budget.is_hard and self.is_over(budget, asker) and not (budget.is_each and has_own)
        )


BUDGETS = st.lists(
    st.tuples(
        st.integers(1, 2_000),
        st.sampled_from(["day", "week", "month", "total"]),
        st.booleans(),
        st.sampled_from(SCOPED),
    ),
    max_size=6,
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["hold", "settle", "release", "store"]),
        st.integers(0, 500),
        st.integers(-120, 60 * 26),  # minutes: clocks of two nodes differ, and time goes on
        st.sampled_from(WORKSPACES),
        st.sampled_from(KEYS),
        st.sampled_from(WHAT),
    ),
    max_size=60,
)


# What is written: windows by budget and start, and by end user ("" for all together).
Written = dict[tuple[str, str, datetime], BudgetWindow]


def stored(budgets: Budgets, written: Written, inner: list[Budget]) -> Budgets:
    """What another node would read after this one wrote: the two newest windows, and those held in."""
    for window in budgets.changed_windows():
        written[window.budget_id, "", window.starts_at] = window
    for end_user, window in budgets.changed_each():
        written[window.budget_id, end_user, window.starts_at] = window
    assert render_budgets([budgets])[0] is None
    budgets.turn_page()
    return Budgets(Tally(budget, newest(written, budget.budget_id)) for budget in inner)


def newest(written: Written, budget_id: str, end_user: str = "") -> list[BudgetWindow]:
    """As they are read: the two newest, and those held in."""
    windows = sorted(
        (one for (whose, who, _), one in written.items() if (whose, who) == (budget_id, end_user)),
        key=lambda one: one.starts_at,
    )
    return [one for one in windows[:-2] if one.held_nano] + windows[-2:]


def load(budgets: Budgets, written: Written, asker: Asker) -> None:
    """Read of an end user what is missing, as a node does before it decides."""
    for budget_id in list(budgets.find_missing(asker)):
        budgets.add_each(budget_id, asker.end_user, windows=newest(written, budget_id, asker.end_user))


@given(BUDGETS, STEPS)
def test_what_budgets_count_is_what_was_held_and_settled(
    wanted: list[tuple[int, Period, bool, tuple[Scope, str]]],
    steps: list[tuple[str, int, int, str, str, tuple[str, str, str]]],
) -> None:
    """Held and settled agree with the model in each window; hard ones admit exactly what fits."""
    model = Model(
        [
            make_budget(number, limit, period, is_hard=is_hard, scoped=scoped)
            for number, (limit, period, is_hard, scoped) in enumerate(wanted)
        ]
    )
    written: Written = {}
    budgets = Budgets(Tally(budget, ()) for budget in model.budgets)
    at = START
    for step, nano, minutes, workspace_id, key_id, what in steps:
        at = max(START, at + timedelta(minutes=minutes))
        asker = Asker(workspace_id, key_id, at, *what)
        load(budgets, written, asker)
        if model.held:
            load(budgets, written, model.held[nano % len(model.held)].asker)
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
            if budget.is_hard and not budget.is_each:
                assert window.held_nano + window.settled_nano <= budget.limit_nano
    for end_user, window in budgets.changed_each():
        budget = next(one for one in model.budgets if one.budget_id == window.budget_id)
        assert (window.held_nano, window.settled_nano) == model.add_up(budget, window.starts_at, end_user)


def test_holds_that_are_asked_together_must_fit_together() -> None:
    """A batch of two models: 600 and 500 pass 1,000 for all, and each fits into its model's 600."""
    both = (("model_a", 600), ("model_b", 500))
    asked = [(Asker("wrkspc_a", "apikey_a", START, model), nano) for model, nano in both]
    of_models = [Tally(make_budget(number, 600, scoped=("model", both[number][0])), ()) for number in (0, 1)]
    assert Budgets(of_models).refuse_all(asked) is None
    refusal = Budgets([*of_models, Tally(make_budget(2, 1_000), ())]).refuse_all(asked)
    assert isinstance(refusal, BudgetExceededError)
    assert (refusal.budget_id, refusal.needed_nano, refusal.left_nano) == ("bdgt_2", 1_100, 1_000)


def test_what_was_held_for_many_leaves_only_budgets_over_both() -> None:
    """An item's end user had nothing held: the pool was everybody's."""
    budgets = Budgets(
        [Tally(make_budget(1, 1_000), ()), Tally(make_budget(2, 1_000, scoped=("end_user", "ada")), ())]
    )
    pool = Asker("wrkspc_a", "apikey_a", START, "model_a")
    budgets.take(pool, 500)
    budgets.end(pool._replace(end_user="ada"), 100, net_nano=70, at=START, held_for=pool)
    counted = [budgets.find(budget_id) for budget_id in ("bdgt_1", "bdgt_2")]
    assert [(one.windows[0].held_nano, one.windows[0].settled_nano) for one in counted if one] == [
        (400, 70),
        (0, 70),
    ]


def test_holds_of_two_end_users_need_not_fit_together_into_a_budget_of_each() -> None:
    """600 and 500 pass 1,000 together, and neither does; with 401 more of the first it does."""
    budgets = Budgets([Tally(make_budget(1, 1_000, scoped=("end_user", EVERY)), ())])
    askers = [Asker("wrkspc_a", "apikey_a", START, "model_a", who) for who in ("ada", "bob")]
    for asker in askers:
        load(budgets, {}, asker)
    assert budgets.refuse_all([(askers[0], 600), (askers[1], 500)]) is None
    refusal = budgets.refuse_all([(askers[0], 600), (askers[1], 500), (askers[0], 401)])
    assert isinstance(refusal, BudgetExceededError)
    assert (refusal.scope_id, refusal.needed_nano, refusal.left_nano) == ("ada", 1_001, 1_000)
    assert budgets.list_end_users() == {EVERY}


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
    rows, windows, each = render_budgets([budgets])
    assert each is None
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
