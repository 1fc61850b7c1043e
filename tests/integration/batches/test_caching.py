"""Both discounts at once, for an upstream that knows neither: a batch whose requests share a prompt."""

from collections.abc import AsyncIterator, Mapping

import msgspec
from tests.integration.batches.conftest import opened_shop, request

from jeton.batches.items import make_request_id
from jeton.caching.shared.account import Account
from jeton.db.pool import Pool
from jeton.errors import UpstreamError
from jeton.insight.receipt import get_receipt
from jeton.tokens.counter.counting import load_counter
from jeton.tokens.prompt import Prompt
from jeton.upstreams.caching.kept import KeptUpstream
from jeton.upstreams.interface import Ask, CountMethod

# $3 and $15 a million, cache writes at 1.25, reads at a tenth.
MODEL = "claude-sonnet-4-6"
# Of " river" each is one token: 9,000 tokens up to the mark, 10,000 in all (the frame of o200k).
SYSTEM = [{"type": "text", "text": " river" * 8_993, "cache_control": {"type": "ephemeral"}}]
TURN = [{"role": "user", "content": " river" * 996}]
ITEMS = 20


class Plain:
    """An upstream that reports the whole of its input, and 500 tokens of output."""

    name = "plain"
    count_method: CountMethod | None = None
    status = 200
    headers: Mapping[str, str] = {"content-type": "application/json"}

    async def send(self, ask: Ask) -> "Plain":
        del ask
        return self

    async def chunks(self) -> AsyncIterator[bytes]:
        yield await self.read()

    async def read(self) -> bytes:
        usage = {"input_tokens": 10_000, "output_tokens": 500}
        return msgspec.json.encode({"type": "message", "content": [], "usage": usage})

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        del headers, prompt, body
        raise UpstreamError("It does not count.")

    async def close(self) -> None:
        return


async def test_an_item_that_reads_the_cache_pays_both_discounts(pool: Pool) -> None:
    account = Account()
    account.open(pool)
    counter = load_counter(find_estimator=lambda _: None)
    kept = KeptUpstream(Plain(), account, counter=counter, find_family=lambda _: "o200k")
    async with opened_shop(pool, kept, credit_nano=10**12, concurrency=1) as shop:
        requests = [request(f"r{n}", model=MODEL, system=SYSTEM, messages=TURN) for n in range(ITEMS)]
        batch_id = await shop.submit(requests)
        ended = await shop.run(batch_id)
        # The first writes 9,000 tokens: (0.003 + 0.03375 + 0.0075) / 2; the others read them: 0.0066 each.
        assert ended.net_nano == 22_125_000 + (ITEMS - 1) * 6_600_000
        assert ended.list_nano == ITEMS * 37_500_000
        assert ended.saved_batch_nano == ITEMS * 18_750_000
        assert ended.saved_cache_nano == -3_375_000 + (ITEMS - 1) * 12_150_000
        async with shop.pool.connection() as connection:
            receipt = await get_receipt(connection, None, make_request_id(batch_id, ITEMS - 1))
        assert (receipt.money.list_nano, receipt.money.net_nano) == (37_500_000, 6_600_000)
        assert (await shop.proof()).findings == []
    await account.close()
