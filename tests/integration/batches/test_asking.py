"""What a batch asks of upstreams: again where that helps, and never where it does not; what each try cost."""

from collections.abc import AsyncIterator, Callable, Mapping

import msgspec
import pytest
from tests.integration.batches.conftest import opened_shop, request

from jeton import clock
from jeton.batches.working import running
from jeton.charging.costing.costing import CostBook
from jeton.db.pool import Pool
from jeton.errors import UpstreamError
from jeton.pricing.loading import load_book
from jeton.tokens.prompt import Prompt
from jeton.upstreams.attempts import Attempt
from jeton.upstreams.interface import Ask, CountMethod

MESSAGE = msgspec.json.encode(
    {
        "type": "message",
        "content": [{"type": "text", "text": "Yes"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1_000, "output_tokens": 10, "service_tier": "standard"},
    }
)
BUSY = b'{"type":"error","error":{"type":"overloaded_error","message":"Busy."}}'


class Said:
    """An answer as it was told to be."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.headers: Mapping[str, str] = {}
        self._body = body

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body

    async def read(self) -> bytes:
        return self._body

    async def close(self) -> None:
        return


class Moody:
    """An upstream whose answer depends on how often it was asked."""

    name = "moody"
    count_method: CountMethod | None = None

    def __init__(self, answer: Callable[[int], Said]) -> None:
        self._answer = answer
        self.asked = 0

    async def send(self, ask: Ask) -> Said:
        self.asked += 1
        said = self._answer(self.asked)
        outcome = "answered" if said.status == 200 else "refused"
        ask.attempts.append(Attempt(self.name, clock.now(), outcome, said.status))  # type: ignore[arg-type]  # one of two
        return said

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        del headers, prompt, body
        raise UpstreamError("It does not count.")

    async def close(self) -> None:
        return


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "FIRST_PAUSE_S", 0.001)


async def test_a_busy_upstream_is_asked_again_and_the_item_charged_once(pool: Pool) -> None:
    moody = Moody(lambda asked: Said(200, MESSAGE) if asked > 2 else Said(529, BUSY))
    costs = {"moody": CostBook(load_book())}
    async with opened_shop(pool, moody, costs=costs) as shop:
        batch_id = await shop.submit([request("a", max_tokens=1_000)])
        ended = await shop.run(batch_id)
        assert (moody.asked, ended.succeeded) == (3, 1)
        # $1 and $5 a million in a batch; the operator pays $2 and $10, and nothing for what was refused.
        assert ended.net_nano == 1_050_000
        rows = await shop.fetch("SELECT outcome, cost_nano FROM upstream_attempts ORDER BY attempt")
        assert rows == [("refused", 0), ("refused", 0), ("answered", 2_100_000)]
        assert (await shop.proof()).findings == []


async def test_an_upstream_that_stays_busy_is_an_error_that_costs_nothing(pool: Pool) -> None:
    moody = Moody(lambda _: Said(529, BUSY))
    async with opened_shop(pool, moody) as shop:
        batch_id = await shop.submit([request("a")])
        ended = await shop.run(batch_id)
        assert (moody.asked, ended.errored, ended.net_nano) == (6, 1, 0)
        error = (await shop.results(batch_id))["a"]["error"]
        assert error["error"] == {"type": "overloaded_error", "message": "Busy."}
        assert await shop.fetch("SELECT state, rule_id FROM charges") == [("released", "upstream_refused")]
        assert (await shop.proof()).findings == []


async def test_a_refusal_for_good_is_not_asked_again(pool: Pool) -> None:
    moody = Moody(lambda _: Said(400, BUSY.replace(b"overloaded_error", b"invalid_request_error")))
    async with opened_shop(pool, moody) as shop:
        await shop.run(await shop.submit([request("a")]))
        assert moody.asked == 1


async def test_usage_that_contradicts_itself_is_delivered_and_not_charged(pool: Pool) -> None:
    moody = Moody(lambda _: Said(200, MESSAGE.replace(b"1000", b"-1000")))
    async with opened_shop(pool, moody) as shop:
        batch_id = await shop.submit([request("a")])
        ended = await shop.run(batch_id)
        assert (ended.succeeded, ended.net_nano) == (1, 0)
        assert await shop.fetch("SELECT state FROM charges") == [("quarantined",)]
        assert await shop.fetch("SELECT state FROM usage_events") == [("quarantined",)]
        assert (await shop.proof()).findings == []
