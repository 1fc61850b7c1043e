import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton import ids

BODY = 32
HEXADECIMAL = set("0123456789abcdef")


def test_an_id_is_its_prefix_and_32_hexadecimal_digits() -> None:
    prefix, body = ids.new_id("req").split("_")
    assert prefix == "req"
    assert len(body) == BODY
    assert set(body) <= HEXADECIMAL


def test_a_prefix_may_itself_have_an_underscore() -> None:
    assert ids.new_id("whk_ev").startswith("whk_ev_")


def test_a_uuid_is_of_version_7_and_rfc_9562_variant() -> None:
    made = ids.new_uuid()
    assert made.version == 7
    assert made.variant == uuid.RFC_4122


def test_the_first_48_bits_are_the_milliseconds_of_its_making() -> None:
    before = time.time_ns() // 1_000_000
    made = ids.new_uuid().int >> 80
    assert before <= made <= time.time_ns() // 1_000_000


def test_two_thousand_ids_of_one_moment_differ() -> None:
    assert len({ids.new_id("req") for _ in range(2_000)}) == 2_000


def test_ids_sort_in_the_order_in_which_they_were_made() -> None:
    made = [ids.new_id("req") for _ in range(10_000)]
    assert made == sorted(made)


def test_ids_sort_though_the_clock_stands_or_is_set_back_a_little(monkeypatch: pytest.MonkeyPatch) -> None:
    start = time.time_ns() + 10_000_000_000
    clock = iter([start, start, start - 999_000_000, start + 1_000_000])
    monkeypatch.setattr(ids, "_last_ticks", 0)
    monkeypatch.setattr(ids, "time_ns", lambda: next(clock))
    made = [ids.new_uuid() for _ in range(4)]
    assert made == sorted(made)
    assert made[3].int >> 80 == start // 1_000_000 + 1


def test_a_clock_that_is_set_back_by_more_than_a_second_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    start = time.time_ns() + 20_000_000_000
    clock = iter([start, start - 2_000_000_000])
    monkeypatch.setattr(ids, "_last_ticks", 0)
    monkeypatch.setattr(ids, "time_ns", lambda: next(clock))
    made = [ids.new_uuid().int >> 80 for _ in range(2)]
    assert made[1] == made[0] - 2_000


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12))
def test_every_body_is_a_uuid_in_hexadecimal(prefix: str) -> None:
    body = ids.new_id(prefix).removeprefix(f"{prefix}_")
    assert uuid.UUID(hex=body).version == 7
