"""An upstream's standing, on a clock that the test moves."""

from hypothesis import given
from hypothesis import strategies as st

from jeton.upstreams.circuit import FAILURES_MAX, PAUSE_S, PAUSE_S_MAX, REST_S_MAX, Circuit


def broken(at: float = 100.0) -> Circuit:
    circuit = Circuit()
    for _ in range(FAILURES_MAX):
        circuit.note_failure(at)
    return circuit


def test_fewer_failures_than_it_takes_change_nothing() -> None:
    circuit = Circuit()
    for _ in range(FAILURES_MAX - 1):
        circuit.note_failure(100.0)
    assert not circuit.is_open(100.0)


def test_an_answer_in_between_starts_the_count_again() -> None:
    circuit = Circuit()
    for _ in range(FAILURES_MAX):
        circuit.note_failure(100.0)
        circuit.note_success()
    assert not circuit.is_open(100.0)


def test_after_a_pause_one_request_tries_it() -> None:
    circuit = broken()
    assert circuit.is_open(104.9)
    assert not circuit.is_open(105.0)
    circuit.begin(105.0)
    assert circuit.is_open(105.0)


def test_the_pause_doubles_while_the_probe_fails_and_starts_again_after_an_answer() -> None:
    circuit, at = broken(), 100.0
    for pause_s in (PAUSE_S, 10.0, 20.0, 40.0, 80.0, PAUSE_S_MAX, PAUSE_S_MAX):
        assert circuit.is_open(at + pause_s - 0.1)
        at += pause_s
        assert not circuit.is_open(at)
        circuit.begin(at)
        circuit.note_failure(at)
    circuit.note_success()
    for _ in range(FAILURES_MAX):
        circuit.note_failure(at)
    assert not circuit.is_open(at + PAUSE_S)


def test_a_wish_to_rest_is_kept_within_reason() -> None:
    circuit = Circuit()
    circuit.rest(100.0, 7)
    assert circuit.is_open(106.9)
    assert not circuit.is_open(107.0)
    circuit.rest(100.0, 86_400)
    assert not circuit.is_open(100.0 + REST_S_MAX)


@given(st.lists(st.sampled_from(["begin", "success", "failure"]), max_size=60), st.integers(0, 10**6))
def test_it_is_never_shut_for_longer_than_the_longest_pause(steps: list[str], start: int) -> None:
    circuit, now = Circuit(), float(start)
    for step in steps:
        match step:
            case "begin":
                circuit.begin(now)
            case "success":
                circuit.note_success()
            case _:
                circuit.note_failure(now)
        assert not circuit.is_open(now + PAUSE_S_MAX)
        now += 1
