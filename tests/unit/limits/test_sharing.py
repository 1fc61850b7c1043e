"""Sharing: never more than the whole together, in whatever order nodes look; more for who is asked more."""

from dataclasses import dataclass, field

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.limits.bucket import WHOLE
from jeton.limits.sharing import LISTED_MAX, Claim, Share, take_shares

NODES = 4
NAMES = ("a//opus", "a/wrkspc_1/opus", "b//sonnet")


@dataclass
class Node:
    """What a node has published, and how much is asked of it."""

    claim: Claim
    pressures: dict[str, int] = field(default_factory=dict)


def look(nodes: list[Node], which: int) -> bool:
    others = [node.claim for number, node in enumerate(nodes) if number != which]
    nodes[which].claim, is_short = take_shares(others, nodes[which].pressures)
    return is_short


def settle(nodes: list[Node], rounds: int = 3) -> None:
    for _ in range(rounds):
        for which in range(len(nodes)):
            look(nodes, which)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("look"), st.integers(0, NODES - 1), st.just(""), st.just(0)),
        st.tuples(st.just("press"), st.integers(0, NODES - 1), st.sampled_from(NAMES), st.integers(0, WHOLE)),
        st.tuples(st.sampled_from(["join", "leave"]), st.integers(0, NODES - 1), st.just(""), st.just(0)),
    ),
    max_size=80,
)


@settings(max_examples=300)
@given(steps=STEPS)
def test_all_nodes_together_never_take_more_than_the_whole(steps: list[tuple[str, int, str, int]]) -> None:
    nodes = [Node(Claim(WHOLE))]
    for step, number, name, pressure in steps:
        which = number % len(nodes)
        match step:
            case "look":
                look(nodes, which)
            case "press":
                nodes[which].pressures[name] = pressure
            case "join" if len(nodes) < NODES:
                nodes.append(Node(Claim()))
                look(nodes, len(nodes) - 1)
            case "leave" if len(nodes) > 1:
                nodes.pop(which)
            case _:
                pass
        for limit in (*NAMES, "somebody else's"):
            # A node that finds nothing left takes a millionth.
            assert sum(node.claim.of(limit) for node in nodes) <= WHOLE + NODES


def test_who_is_asked_more_may_let_more_through_and_the_others_keep_a_floor() -> None:
    """Four times as much is asked of one: 5 % each for a start, then four fifths and one of the rest."""
    nodes = [
        Node(Claim(WHOLE // 2), {"a//opus": 800_000}),
        Node(Claim(WHOLE // 2), {"a//opus": 200_000}),
    ]
    settle(nodes)
    assert [node.claim.of("a//opus") for node in nodes] == [770_000, 230_000]
    # Nobody asks the second at all any more.
    nodes[1].pressures = {}
    settle(nodes)
    assert [node.claim.of("a//opus") for node in nodes] == [950_000, 50_000]
    # Limits that nobody presses stay even.
    assert [node.claim.of("b//sonnet") for node in nodes] == [500_000, 500_000]


def test_without_pressure_shares_are_even_again_and_nothing_is_listed() -> None:
    nodes = [Node(Claim(WHOLE // 2), {"a//opus": 900_000}), Node(Claim(WHOLE // 2))]
    settle(nodes)
    nodes[0].pressures = {}
    settle(nodes)
    assert [node.claim for node in nodes] == [Claim(WHOLE // 2), Claim(WHOLE // 2)]


def test_who_joins_waits_until_the_others_have_let_go() -> None:
    nodes = [Node(Claim(WHOLE)), Node(Claim())]
    assert look(nodes, 1)
    assert nodes[1].claim == Claim(1)
    look(nodes, 0)
    assert nodes[0].claim.base == WHOLE // 2
    assert not look(nodes, 1)
    assert nodes[1].claim == Claim(WHOLE // 2)


def test_a_node_publishes_a_bounded_number_of_limits() -> None:
    claim, _ = take_shares(
        [Claim(WHOLE // 2)], {f"{number}//opus": WHOLE for number in range(LISTED_MAX * 3)}
    )
    assert len(claim.shares) == LISTED_MAX


def test_a_claim_reads_back_and_what_is_not_known_to_be_written_is_the_smaller_of_both() -> None:
    before, after = Claim(500_000, {"x": Share(900_000, 7)}), Claim(400_000, {"y": Share(450_000, 1)})
    assert msgspec.convert(msgspec.to_builtins(before), Claim) == before
    lower = before.lower(after)
    assert [lower.of(name) for name in ("x", "y", "z")] == [400_000, 450_000, 400_000]
    assert (after.grows(before), before.grows(after), lower.grows(after)) == (False, True, False)
