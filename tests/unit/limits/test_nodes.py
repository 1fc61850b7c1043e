"""Several nodes: what they let through together, while others join and leave and news takes its time."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.limits.bucket import MINUTE_US
from jeton.limits.errors import RateLimitedError
from jeton.limits.limiter import Limiter, find_share
from jeton.limits.words import EVERY_GROUP, Limits

S = 1_000_000
# The longest that a node goes without hearing how many there are.
NEWS_US = 3 * S
NODES_MAX = 5
ORGANIZATION = UUID(int=1)


@dataclass
class Node:
    """A node of the simulation: it hears of the others at most NEWS_US late."""

    limiter: Limiter
    hears_after_us: int
    heard_at_us: int

    def admit(self, tokens: int, at_us: int) -> int:
        line = self.limiter.find_line(ORGANIZATION, "wrkspc_1", group="opus", at_us=at_us)
        assert line is not None
        try:
            reservation = line.reserve(0, tokens, at_us=at_us)
        except RateLimitedError:
            return 0
        # What was not needed is given back; the fact is what counts.
        reservation.correct(0, tokens - tokens // 3, at_us=at_us)
        return tokens - tokens // 3


def start(limit: int, *, others: int, at_us: int, hears_after_us: int) -> Node:
    limiter = Limiter({EVERY_GROUP: Limits(output_tokens=limit)}, reserve="most", at_us=at_us)
    limiter.set_share(find_share(others + 1), at_us=at_us)
    if others:
        limiter.empty(at_us=at_us)
    return Node(limiter, hears_after_us, at_us)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "ask", "ask", "join", "leave"]),
        st.integers(0, 2 * S),  # after the step before
        st.integers(0, NODES_MAX - 1),  # which node
        st.integers(1, 40),  # tokens
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=200)
@given(
    limit=st.integers(20, 80), steps=STEPS, delays=st.lists(st.integers(0, NEWS_US), min_size=1, max_size=8)
)
def test_nodes_together_let_no_more_through_than_is_promised(
    limit: int, steps: list[tuple[str, int, int, int]], delays: list[int]
) -> None:
    nodes = [start(limit, others=0, at_us=0, hears_after_us=delays[0])]
    admitted: list[tuple[int, int]] = []
    at_us = joins = 0
    joined = Fraction(0)
    for step, after_us, which, tokens in steps:
        at_us += after_us
        for node in nodes:
            if at_us - node.heard_at_us >= node.hears_after_us:
                node.limiter.set_share(find_share(len(nodes)), at_us=at_us)
                node.heard_at_us = at_us
        if step == "join" and len(nodes) < NODES_MAX:
            delay_us = delays[joins % len(delays)]
            nodes.append(start(limit, others=len(nodes), at_us=at_us, hears_after_us=delay_us))
            joins += 1
            joined += Fraction(1, len(nodes))
        elif step == "leave" and len(nodes) > 1:
            nodes.pop(which % len(nodes))
        elif step == "ask":
            spent = nodes[which % len(nodes)].admit(min(tokens, limit), at_us)
            admitted.append((at_us, spent))
    largest = max((tokens for _, _, _, tokens in steps), default=0)
    above_share = (joins + 1) * max(Fraction(0), min(largest, limit) - Fraction(limit, NODES_MAX))
    # A node hears at its next step, which is at most two seconds later.
    news = limit * joined * Fraction(NEWS_US + 2 * S, MINUTE_US)
    for (first, _), (last, _) in combinations_with_replacement(admitted, 2):
        through = sum(tokens for at, tokens in admitted if first <= at <= last)
        promised = limit + Fraction(limit * (last - first), MINUTE_US) + news + above_share
        assert through <= promised


def test_small_requests_on_many_nodes_keep_to_the_limit_exactly() -> None:
    nodes = [start(600, others=0, at_us=0, hears_after_us=0) for _ in range(3)]
    for node in nodes:
        node.limiter.set_share(find_share(3), at_us=0)
    through = 0
    for at_us in range(0, MINUTE_US, S // 4):
        for node in nodes:
            for _ in range(10):
                through += node.admit(3, at_us)
    # Facts are two thirds of what is reserved, and the rest comes back: one minute and one burst.
    assert 1_170 <= through <= 1_200


def test_a_request_that_is_larger_than_a_share_still_passes() -> None:
    node = start(90, others=0, at_us=0, hears_after_us=0)
    node.limiter.set_share(find_share(3), at_us=0)
    assert node.admit(90, 0) == 60
    assert node.admit(90, S) == 0
    # Thirty too many leave a debt that is paid first, at thirty a minute.
    assert node.admit(30, 2 * MINUTE_US - S) == 0
    assert node.admit(30, 2 * MINUTE_US + S) == 20
