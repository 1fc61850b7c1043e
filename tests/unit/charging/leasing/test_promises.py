"""Promises: what failed stays failed, and a refusal comes after the giving up was written down."""

import asyncio

import pytest

from jeton.charging.leasing.promises import Promises
from jeton.charging.words import HoldAsk
from jeton.db.errors import OutcomeUnknownError
from jeton.errors import OverloadedError
from jeton.ids import new_uuid
from jeton.pricing.loading import load_book


def make_ask(request_id: str) -> HoldAsk:
    version = load_book().versions[0]
    return HoldAsk(request_id, new_uuid(), "wrkspc_1", "apikey_1", version.model, "embedded", version, 1)


async def test_nobody_is_told_of_an_unknown_hold_before_the_giving_up_is_written() -> None:
    """The writing takes a while; who waits learns of the failure after it, early or late."""
    ask = make_ask("req_1")
    gate = asyncio.Event()
    written: list[str] = []

    async def give_up(given: HoldAsk) -> None:
        await gate.wait()
        written.append(given.request_id)

    promises = Promises(give_up)
    taking: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    promises.add(ask, taking)  # type: ignore[arg-type]  # one of the outcomes
    early = asyncio.create_task(promises.wait(ask.request_id))
    taking.set_exception(OutcomeUnknownError("Nobody knows."))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not early.done()
    assert promises.has_failed(ask.request_id)
    gate.set()
    with pytest.raises(OutcomeUnknownError):
        await early
    assert written == ["req_1"]
    with pytest.raises(OutcomeUnknownError):
        await promises.wait(ask.request_id)
    assert written == ["req_1"]


async def test_a_refused_promise_is_not_given_up_and_a_kept_one_is_no_failure() -> None:
    """Of a refusal everybody knows that nothing was taken."""
    given_up: list[HoldAsk] = []

    async def give_up(given: HoldAsk) -> None:
        given_up.append(given)

    promises = Promises(give_up)
    loop = asyncio.get_running_loop()
    refused, kept = make_ask("req_1"), make_ask("req_2")
    for ask, problem in ((refused, OverloadedError("Busy.")), (kept, None)):
        taking: asyncio.Future[str] = loop.create_future()
        promises.add(ask, taking)  # type: ignore[arg-type]  # one of the outcomes
        if problem is None:
            taking.set_result("txn_1")
        else:
            taking.set_exception(problem)
    with pytest.raises(OverloadedError):
        await promises.wait("req_1")
    await promises.wait("req_2")
    assert (promises.has_failed("req_2"), given_up) == (False, [])
