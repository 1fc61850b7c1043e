import time
import uuid

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


def test_an_id_of_a_later_millisecond_sorts_later() -> None:
    first = ids.new_id("req")
    start = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 == start:
        pass
    assert ids.new_id("req") > first


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12))
def test_every_body_is_a_uuid_in_hexadecimal(prefix: str) -> None:
    body = ids.new_id(prefix).removeprefix(f"{prefix}_")
    assert uuid.UUID(hex=body).version == 7
