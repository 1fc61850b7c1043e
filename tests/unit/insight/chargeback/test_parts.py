"""Chargeback: shares are whole, follow the rule, and sum to what was used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.insight.chargeback.parts import Center, charge_back, share_out
from jeton.insight.explore.sums import Sums

USD = 10**9
CENTERS = (
    Center("wrkspc_a", "A", "CC-1", "PO-1"),
    Center("wrkspc_b", "B", "CC-2", ""),
    Center("wrkspc_c", "C", "", ""),
)
USED = {
    "wrkspc_a": Sums(requests=3, charged_nano=30 * USD),
    "wrkspc_b": Sums(requests=1, charged_nano=60 * USD),
    "wrkspc_c": Sums(requests=9, charged_nano=10 * USD),
}


@pytest.mark.parametrize(
    ("rule", "shared"),
    [
        ("none", {"A": 0, "B": 0, "C": 0}),
        ("net_nano", {"A": 3_333_333_333, "B": 6_666_666_667, "C": -10 * USD}),
        ("requests", {"A": 7_500_000_000, "B": 2_500_000_000, "C": -10 * USD}),
        ("equally", {"A": 5 * USD, "B": 5 * USD, "C": -10 * USD}),
        # Nobody with a cost centre has a token, so there is no proportion to share by.
        ("tokens", {"A": 0, "B": 0, "C": 0}),
    ],
)
def test_what_is_nobodys_is_shared_by_the_rule(rule: str, shared: dict[str, int]) -> None:
    parts = charge_back(CENTERS, USED, rule=rule)
    assert {part.center.name: part.shared_nano for part in parts} == shared
    assert sum(part.total_nano for part in parts) == 100 * USD


def test_without_any_cost_centre_everything_stays_where_it_was() -> None:
    centers = [Center("wrkspc_a", "A", "", ""), Center("wrkspc_b", "B", "", "")]
    parts = charge_back(centers, {"wrkspc_a": Sums(requests=1, charged_nano=7)}, rule="equally")
    assert [(part.center.name, part.total_nano) for part in parts] == [("A", 7)]


def test_a_hundred_in_three_equal_parts() -> None:
    assert share_out(100, [1, 1, 1]) == [34, 33, 33]
    assert share_out(100, []) == []


@given(st.integers(0, 10**18), st.lists(st.integers(0, 10**12), max_size=30))
def test_shares_sum_to_the_whole(nano: int, weights: list[int]) -> None:
    shares = share_out(nano, weights)
    assert sum(shares) == (nano if sum(weights) else 0)
    assert all(share >= 0 for share in shares)
