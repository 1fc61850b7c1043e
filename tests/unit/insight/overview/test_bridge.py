"""Why it changed: every cause alone has its own amount, and together they are the difference to the nano."""

from hypothesis import given
from hypothesis import strategies as st

from jeton.insight.explore.sums import Sums
from jeton.insight.overview.bridge import build_bridge
from jeton.metering.events import BUCKET_SUMS

# Prices of claude-sonnet-5-5 in nano a token: 2,000 input, 100 read, 10,000 output.
PLAIN = Sums(requests=10, input_tokens=1_000, output_tokens=100, charged_nano=3_000_000,
             input_nano=2_000_000, output_nano=1_000_000)  # fmt: skip


def causes_of(before: dict[tuple[str, str], Sums], after: dict[tuple[str, str], Sums]) -> dict[str, int]:
    return {cause: nano for cause, nano in build_bridge(before, after).causes.items() if nano}


def test_twice_the_requests_are_volume() -> None:
    twice = Sums(requests=20, input_tokens=2_000, output_tokens=200, charged_nano=6_000_000,
                 input_nano=4_000_000, output_nano=2_000_000)  # fmt: skip
    assert causes_of({("m", "standard"): PLAIN}, {("m", "standard"): twice}) == {"volume": 3_000_000}


def test_prompts_and_answers_that_grow_are_told_apart() -> None:
    longer = Sums(requests=10, input_tokens=3_000, output_tokens=50, charged_nano=6_500_000,
                  input_nano=6_000_000, output_nano=500_000)  # fmt: skip
    assert causes_of({("m", "standard"): PLAIN}, {("m", "standard"): longer}) == {
        "prompt_length": 4_000_000,
        "output_length": -500_000,
    }


def test_reading_from_the_cache_is_no_change_of_price() -> None:
    cached = Sums(requests=10, input_tokens=100, cache_read_input_tokens=900, output_tokens=100,
                  charged_nano=1_290_000, input_nano=200_000, cache_read_nano=90_000,
                  output_nano=1_000_000)  # fmt: skip
    assert causes_of({("m", "standard"): PLAIN}, {("m", "standard"): cached}) == {"cache": -1_710_000}


def test_half_the_requests_in_batches_are_the_share_of_batch() -> None:
    half = Sums(requests=5, input_tokens=500, output_tokens=50, charged_nano=1_500_000,
                input_nano=1_000_000, output_nano=500_000)  # fmt: skip
    batch = Sums(requests=5, input_tokens=500, output_tokens=50, charged_nano=750_000,
                 input_nano=500_000, output_nano=250_000)  # fmt: skip
    assert causes_of({("m", "standard"): PLAIN}, {("m", "standard"): half, ("m", "batch"): batch}) == {
        "batch": -750_000
    }


def test_a_new_model_is_mix_and_a_dearer_one_is_price() -> None:
    dearer = Sums(requests=10, input_tokens=1_000, output_tokens=100, charged_nano=6_000_000,
                  input_nano=4_000_000, output_nano=2_000_000)  # fmt: skip
    assert causes_of({("m", "standard"): PLAIN}, {("n", "standard"): dearer}) == {"mix": 3_000_000}
    assert causes_of({("m", "standard"): PLAIN}, {("m", "standard"): dearer}) == {"price": 3_000_000}


def test_from_nothing_everything_is_volume_and_what_was_reversed_is_its_own_cause() -> None:
    reversed_ = Sums(requests=10, input_tokens=1_000, output_tokens=100, charged_nano=3_000_000,
                     input_nano=2_000_000, output_nano=1_000_000, reversed_nano=7)  # fmt: skip
    assert causes_of({}, {("m", "standard"): PLAIN}) == {"volume": 3_000_000}
    assert causes_of({("m", "standard"): PLAIN}, {}) == {"volume": -3_000_000}
    assert causes_of({("m", "standard"): PLAIN}, {("m", "standard"): reversed_}) == {"reversed": -7}
    assert causes_of({}, {}) == {}


COUNT = st.integers(0, 10**7)


@st.composite
def any_sums(draw: st.DrawFn) -> Sums:
    requests = draw(st.integers(1, 10**6))
    counts = [draw(st.one_of(st.just(0), COUNT)) for _ in range(6)]
    amounts = [draw(COUNT) if count else 0 for count in counts]
    nothing = Sums(requests, *counts)
    paid = dict(zip(BUCKET_SUMS.values(), amounts, strict=True))
    return nothing._replace(charged_nano=sum(amounts), reversed_nano=draw(COUNT), **paid)


MIX = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.sampled_from(("standard", "batch"))), any_sums(), max_size=5
)


@given(MIX, MIX)
def test_the_causes_sum_to_the_difference(
    before: dict[tuple[str, str], Sums], after: dict[tuple[str, str], Sums]
) -> None:
    bridge = build_bridge(before, after)
    assert sum(bridge.causes.values()) == bridge.change_nano
    assert bridge.after_nano == sum(sums.net_nano for sums in after.values())
