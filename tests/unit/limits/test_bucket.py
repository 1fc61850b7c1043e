"""The bucket against a replay of everything that ever happened, and its promise for every stretch of time."""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations_with_replacement

from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.limits.bucket import MINUTE_US, MOMENTS_MAX, WHOLE, Bucket

SECOND_US = 1_000_000


def test_a_bucket_holds_one_minute_of_its_limit() -> None:
    bucket = Bucket(100, at_us=0)
    assert bucket.find_wait_us(100, at_us=0) == 0
    bucket.take(100, at_us=0)
    assert bucket.find_remaining(at_us=0) == 0
    assert bucket.find_wait_us(1, at_us=0) == 600_000
    assert bucket.find_reset_us(at_us=0) == MINUTE_US


def test_it_refills_evenly() -> None:
    bucket = Bucket(60, at_us=0)
    bucket.take(60, at_us=0)
    assert bucket.find_wait_us(2, at_us=SECOND_US) == SECOND_US
    assert bucket.find_wait_us(2, at_us=2 * SECOND_US) == 0
    assert bucket.find_remaining(at_us=30 * SECOND_US) == 30


def test_a_limit_that_no_microsecond_divides_loses_nothing() -> None:
    bucket = Bucket(7, at_us=0, share=333_333)
    bucket.take(7, at_us=0)
    for at_us in range(1, 200_000):
        bucket.find_wait_us(1, at_us=at_us)
    once = Bucket(7, at_us=0, share=333_333)
    once.take(7, at_us=0)
    assert bucket.find_reset_us(at_us=200_000) == once.find_reset_us(at_us=200_000)


def test_what_was_not_needed_comes_back() -> None:
    bucket = Bucket(100, at_us=0)
    number = bucket.take(80, at_us=0)
    bucket.give_back(70, number=number, at_us=SECOND_US)
    # Ten were used, and one second has refilled one and two thirds of them.
    assert bucket.find_remaining(at_us=SECOND_US) == 91


def test_what_would_have_spilled_does_not_come_back() -> None:
    bucket = Bucket(100, at_us=0)
    number = bucket.take(20, at_us=0)
    bucket.take(100, at_us=60 * SECOND_US)
    bucket.give_back(20, number=number, at_us=60 * SECOND_US)
    assert bucket.find_remaining(at_us=60 * SECOND_US) == 0


def test_what_was_nearly_spilled_comes_back_as_far_as_it_fits() -> None:
    bucket = Bucket(60, at_us=0)
    number = bucket.take(60, at_us=0)
    # After 50 seconds ten are missing; then fifty are taken.
    bucket.take(50, at_us=50 * SECOND_US)
    bucket.give_back(60, number=number, at_us=50 * SECOND_US)
    assert bucket.find_remaining(at_us=50 * SECOND_US) == 10


def test_a_debt_is_paid_before_anybody_passes() -> None:
    bucket = Bucket(60, at_us=0)
    bucket.take(10, at_us=0)
    bucket.take(80, at_us=0)
    assert bucket.find_remaining(at_us=0) == 0
    assert bucket.find_wait_us(1, at_us=0) == 31 * SECOND_US


def test_more_than_it_ever_holds_passes_when_it_is_full() -> None:
    bucket = Bucket(60, at_us=0, share=WHOLE // 2)
    assert bucket.find_wait_us(50, at_us=0) == 0
    bucket.take(1, at_us=0)
    assert bucket.find_wait_us(50, at_us=0) == 2 * SECOND_US


def test_a_clock_that_goes_back_stands_still() -> None:
    bucket = Bucket(60, at_us=10 * SECOND_US)
    bucket.take(60, at_us=10 * SECOND_US)
    assert bucket.find_remaining(at_us=0) == 0
    assert bucket.find_remaining(at_us=11 * SECOND_US) == 1


def test_another_share_adds_nothing() -> None:
    bucket = Bucket(60, at_us=0, share=WHOLE // 2)
    bucket.take(30, at_us=0)
    bucket.set_share(WHOLE, at_us=0)
    assert bucket.find_wait_us(1, at_us=0) == SECOND_US
    bucket.set_share(WHOLE // 10, at_us=60 * SECOND_US)
    assert bucket.find_wait_us(6, at_us=60 * SECOND_US) == 0
    bucket.take(6, at_us=60 * SECOND_US)
    assert bucket.find_wait_us(1, at_us=60 * SECOND_US) == 10 * SECOND_US


def test_what_is_taken_before_a_larger_share_comes_back_into_the_smaller_one() -> None:
    bucket = Bucket(60, at_us=0, share=WHOLE // 2)
    number = bucket.take(10, at_us=0)
    bucket.set_share(WHOLE, at_us=30 * SECOND_US)
    # It has been full at half a share, so nothing is given back.
    bucket.give_back(10, number=number, at_us=30 * SECOND_US)
    assert bucket.find_remaining(at_us=30 * SECOND_US) == 30


def test_another_limit_is_as_full_as_the_last_one() -> None:
    bucket = Bucket(100, at_us=0)
    number = bucket.take(60, at_us=0)
    bucket.set_limit(1_000, at_us=0)
    assert bucket.find_remaining(at_us=0) == 400
    bucket.give_back(60, number=number, at_us=0)
    assert bucket.find_remaining(at_us=0) == 400


def test_a_bucket_made_after_another_is_as_full() -> None:
    unused = Bucket(1, at_us=0)
    unused.empty(at_us=0)
    bucket = unused.make_alike(90, at_us=20 * SECOND_US)
    assert bucket.find_remaining(at_us=20 * SECOND_US) == 30


def test_it_remembers_a_bounded_number_of_moments() -> None:
    bucket = Bucket(10_000, at_us=0)
    numbers = [bucket.take(1, at_us=0) for _ in range(10 * MOMENTS_MAX)]
    assert len(bucket._gaps) == len(bucket._moments) <= MOMENTS_MAX
    for number in numbers:
        bucket.give_back(1, number=number, at_us=0)
    assert 9_980 <= bucket.find_remaining(at_us=0) <= 10_000


@dataclass
class Taken:
    """A sum in the replay: when, how much of it is still counted, its number in the real bucket."""

    at_us: int
    tokens: Fraction
    number: int


@dataclass
class Replay:
    """Every sum ever taken, and the level they lead to, from the beginning and in fractions."""

    limit: int
    history: list[Taken] = field(default_factory=list)

    def find_level(self, at_us: int) -> Fraction:
        level, before_us = Fraction(self.limit), 0
        for taken in self.history:
            level = min(Fraction(self.limit), level + self._refilled(before_us, taken.at_us)) - taken.tokens
            before_us = taken.at_us
        return min(Fraction(self.limit), level + self._refilled(before_us, at_us))

    def _refilled(self, from_us: int, to_us: int) -> Fraction:
        return Fraction(self.limit * (to_us - from_us), MINUTE_US)


def find_level(bucket: Bucket) -> Fraction:
    return Fraction(bucket._level, MINUTE_US * WHOLE)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "give_back", "wait"]),
        st.integers(0, 120),
        st.integers(0, 40 * SECOND_US),
    ),
    max_size=30,
)


@settings(max_examples=400)
@given(limit=st.integers(1, 120), steps=STEPS)
def test_giving_back_is_as_if_the_fact_had_been_known_at_the_start(
    limit: int, steps: list[tuple[str, int, int]]
) -> None:
    bucket, replay, at_us = Bucket(limit, at_us=0), Replay(limit), 0
    for step, count, wait_us in steps:
        match step:
            case "wait":
                at_us += wait_us
            case "take":
                replay.history.append(Taken(at_us, Fraction(count), bucket.take(count, at_us=at_us)))
            case _ if replay.history:
                taken = replay.history[wait_us % len(replay.history)]
                given = min(count, int(taken.tokens))
                bucket.give_back(given, number=taken.number, at_us=at_us)
                taken.tokens -= given
        assert bucket.find_wait_us(0, at_us=at_us) >= 0
        assert find_level(bucket) == replay.find_level(at_us)


@settings(max_examples=40)
@given(takes=st.lists(st.integers(0, 9), min_size=70, max_size=140), data=st.data())
def test_what_is_forgotten_of_many_at_once_gives_back_less_and_never_more(
    takes: list[int], data: st.DataObject
) -> None:
    bucket, replay = Bucket(1_000, at_us=0), Replay(1_000)
    for count in takes:
        replay.history.append(Taken(0, Fraction(count), bucket.take(count, at_us=0)))
    for index in data.draw(st.lists(st.integers(0, len(takes) - 1), unique=True)):
        taken = replay.history[index]
        bucket.give_back(int(taken.tokens), number=taken.number, at_us=0)
        taken.tokens = Fraction(0)
        assert replay.find_level(0) - Fraction(1_000, 8) <= find_level(bucket) <= replay.find_level(0)


REQUESTS = st.lists(
    st.tuples(
        st.integers(0, 5 * SECOND_US),  # after the one before
        st.integers(1, 60),  # its estimate
        st.integers(0, 60),  # its fact, if not more
        st.integers(0, 90 * SECOND_US),  # how long it runs
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=300)
@given(limit=st.integers(1, 60), requests=REQUESTS, shift_us=st.integers(-SECOND_US, SECOND_US))
def test_no_stretch_of_time_lets_more_through_than_its_limit_and_one_burst(
    limit: int, requests: list[tuple[int, int, int, int]], shift_us: int
) -> None:
    bucket, at_us = Bucket(limit, at_us=0), 0
    admitted: list[tuple[int, int]] = []
    ends: list[tuple[int, int, int]] = []
    for after_us, wanted, fact, lasts_us in requests:
        estimate = min(wanted, limit)
        at_us += after_us
        for end_us, unused, number in sorted(ends):
            if end_us <= at_us:
                bucket.give_back(unused, number=number, at_us=end_us)
        ends = [end for end in ends if end[0] > at_us]
        # A clock that jumps about cannot open it.
        bucket.find_wait_us(1, at_us=max(0, min(at_us, at_us + shift_us)))
        if bucket.find_wait_us(estimate, at_us=at_us) == 0:
            number = bucket.take(estimate, at_us=at_us)
            spent = min(fact, estimate)
            admitted.append((at_us, spent))
            ends.append((at_us + lasts_us, estimate - spent, number))
    for (first, _), (last, _) in combinations_with_replacement(admitted, 2):
        through = sum(tokens for at, tokens in admitted if first <= at <= last)
        assert through <= limit + Fraction(limit * (last - first), MINUTE_US)
