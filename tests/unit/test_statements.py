"""Which tests a second PostgreSQL is asked, worked out by hand."""

from tests.statements import select_asking

INSIGHT = "tests/integration/insight/test_sums.py::"
NOTED = {
    f"{INSIGHT}test_a_day": ["open", "sum"],
    f"{INSIGHT}test_a_week": ["open", "sum"],
    f"{INSIGHT}test_a_month": ["open", "sum"],
    f"{INSIGHT}test_a_year": ["open", "sum", "sum by year"],
    f"{INSIGHT}test_a_command": [],
    "tests/integration/charging/test_holds.py::test_two_at_once": ["open"],
}


def test_what_asks_nothing_new_is_left_out() -> None:
    assert NOTED.keys() - select_asking(NOTED, NOTED, times=2) == {f"{INSIGHT}test_a_month"}
    assert NOTED.keys() - select_asking(NOTED, NOTED, times=1) == {
        f"{INSIGHT}test_a_week",
        f"{INSIGHT}test_a_month",
    }


def test_what_was_not_noted_is_run() -> None:
    assert select_asking([*NOTED, "tests/integration/new.py::test_it"], NOTED, times=2) >= {
        "tests/integration/new.py::test_it"
    }
    assert select_asking(NOTED, {}, times=1) == set(NOTED)
