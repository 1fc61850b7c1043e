"""Several nodes: what they let through together, while others join and leave and shares follow the load."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.limits.bucket import MINUTE_US, WHOLE
from jeton.limits.errors import RateLimitedError
from jeton.limits.limiter import Limiter
from jeton.limits.sharing import Claim, take_shares
from jeton.limits.words import EVERY_GROUP, Limits

S = 1_000_000
NODES_MAX = 5
ORGANIZATION = UUID(int=1)


@dataclass
class Node:
    """A node of the simulation, with what the others know that it has taken."""

    limiter: Limiter
    published: Claim

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

    def beat(self, nodes: "list[Node]", at_us: int) -> None:
        others = [node.published for node in nodes if node is not self]
        claim, _ = take_shares(others, self.limiter.measure(at_us=at_us))
        self.limiter.is_alone = not others
        self.limiter.set_claim(self.limiter.claim.lower(claim), at_us=at_us)
        self.published = claim
        self.limiter.set_claim(claim, at_us=at_us)


def join(nodes: list[Node], limit: int, at_us: int = 0) -> Node:
    limiter = Limiter({EVERY_GROUP: Limits(output_tokens=limit)}, reserve="most", at_us=at_us)
    node = Node(limiter, Claim())
    node.beat(nodes, at_us)
    if nodes:
        limiter.empty(at_us=at_us)
    nodes.append(node)
    return node


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "ask", "ask", "beat", "beat", "join", "leave"]),
        st.integers(0, 2 * S),  # after the step before
        st.integers(0, NODES_MAX - 1),  # which node
        st.integers(1, 40),  # tokens
    ),
    min_size=1,
    max_size=80,
)


@settings(max_examples=200)
@given(limit=st.integers(20, 80), steps=STEPS)
def test_nodes_together_let_no_more_through_than_is_promised(
    limit: int, steps: list[tuple[str, int, int, int]]
) -> None:
    nodes: list[Node] = []
    join(nodes, limit)
    admitted: list[tuple[int, int]] = []
    at_us, all_nodes = 0, 1
    for step, after_us, which, tokens in steps:
        at_us += after_us
        node = nodes[which % len(nodes)]
        if step == "join" and len(nodes) < NODES_MAX:
            join(nodes, limit, at_us)
            all_nodes += 1
        elif step == "leave" and len(nodes) > 1:
            nodes.remove(node)
        elif step == "beat":
            node.beat(nodes, at_us)
        elif step == "ask":
            admitted.append((at_us, node.admit(min(tokens, limit), at_us)))
    # A request that is larger than its node's share leaves a debt there, of less than itself.
    largest = min(max((tokens for _, _, _, tokens in steps), default=0), limit)
    for (first, _), (last, _) in combinations_with_replacement(admitted, 2):
        through = sum(tokens for at, tokens in admitted if first <= at <= last)
        assert through <= limit + Fraction(limit * (last - first), MINUTE_US) + all_nodes * largest


def run(load: tuple[int, ...], *, minutes: int) -> list[int]:
    """Requests of one token to each node every quarter second; what each let through in the last minute."""
    nodes: list[Node] = []
    for _ in load:
        join(nodes, 600)
    through = [0] * len(load)
    for at_us in range(0, minutes * MINUTE_US, S // 4):
        for number, node in enumerate(nodes):
            if at_us % (2 * S) == number * S // 4:
                node.beat(nodes, at_us)
            passed = sum(node.admit(1, at_us) for _ in range(load[number]))
            if at_us >= (minutes - 1) * MINUTE_US:
                through[number] += passed
    return through


def test_the_share_follows_the_load_where_it_goes_to_one_node() -> None:
    """Ten requests a second are let through, and one of three nodes gets all of forty: nearly all of them."""
    (busy, idle, _) = run((10, 0, 0), minutes=4)
    assert idle == 0
    assert 540 <= busy <= 600


def test_the_share_follows_the_load_where_it_is_uneven() -> None:
    """32 and 8 requests a second at ten: in the end about as asked, and never above the limit."""
    many, few = run((8, 2), minutes=4)
    assert 560 <= many + few <= 601
    assert 2 <= many / few <= 5


def test_small_requests_on_many_nodes_keep_to_the_limit_exactly() -> None:
    nodes: list[Node] = []
    for _ in range(3):
        join(nodes, 600)
    for node in nodes * 2:
        node.beat(nodes, 0)
    through = 0
    for at_us in range(0, MINUTE_US, S // 4):
        for node in nodes:
            for _ in range(10):
                through += node.admit(3, at_us)
    # Facts are two thirds of what is reserved, and the rest comes back: one minute, and the burst of the
    # first node's third, since the others begin with nothing.
    assert 770 <= through <= 800


def test_a_request_that_is_larger_than_a_share_still_passes() -> None:
    limiter = Limiter({EVERY_GROUP: Limits(output_tokens=90)}, reserve="most", at_us=0)
    limiter.set_claim(Claim(WHOLE // 3), at_us=0)
    node = Node(limiter, limiter.claim)
    assert node.admit(90, 0) == 60
    assert node.admit(90, S) == 0
    # Thirty too many leave a debt that is paid first, at thirty a minute.
    assert node.admit(30, 2 * MINUTE_US - S) == 0
    assert node.admit(30, 2 * MINUTE_US + S) == 20
