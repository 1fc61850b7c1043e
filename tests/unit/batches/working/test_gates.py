import asyncio

import pytest

from jeton.batches.working import gates
from jeton.batches.working.gates import COURTESIES_MAX, Gates


async def test_no_more_items_are_asked_at_a_time_than_each_upstream_may_be() -> None:
    gate = Gates(2)
    inside: dict[str, int] = {"a": 0, "b": 0}
    most: dict[str, int] = {"a": 0, "b": 0}

    async def ask(upstream: str) -> None:
        async with gate.enter(upstream):
            inside[upstream] += 1
            most[upstream] = max(most[upstream], inside[upstream])
            await asyncio.sleep(0)
            inside[upstream] -= 1

    await asyncio.gather(*(ask(upstream) for upstream in "ab" * 10))
    assert most == {"a": 2, "b": 2}


async def test_items_let_requests_go_first_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "COURTESY_S", 0)
    looks = 0

    def count() -> int:
        nonlocal looks
        looks += 1
        return 1

    async with Gates(1, count_in_flight=count).enter("a"):
        assert looks == COURTESIES_MAX


async def test_items_go_on_as_soon_as_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "COURTESY_S", 0)
    waiting = [0, 1, 1]
    async with Gates(1, count_in_flight=waiting.pop).enter("a"):
        assert waiting == []


async def test_an_upstream_that_has_too_much_to_do_is_left_in_peace_and_others_are_not() -> None:
    gate = Gates(1)
    gate.close("busy", 0.05)
    started = asyncio.get_running_loop().time()
    async with gate.enter("idle"):
        assert asyncio.get_running_loop().time() - started < 0.05
    async with gate.enter("busy"):
        assert asyncio.get_running_loop().time() - started >= 0.05
