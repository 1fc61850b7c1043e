"""How many requests of an organization's batches may wait: the next ones are refused with both numbers."""

import msgspec
import pytest
from tests.integration.batches.conftest import Shop, pieces, request

from jeton.batches.errors import BatchQueueFullError
from jeton.batches.uploading.uploads import Uploads
from jeton.gateway.batching.judging import ItemJudge
from jeton.gateway.envelope import classify


async def test_a_batch_beyond_the_limit_is_refused_and_nothing_of_it_is_kept(shop: Shop) -> None:
    judge = shop.runner._judge
    assert isinstance(judge, ItemJudge)
    uploads = Uploads(shop.pool, shop.commits, judge, node_id="node_test", queue_max=3)

    async def send(*names: str) -> str:
        head = shop.head()
        body = msgspec.json.encode({"requests": [request(name) for name in names]})
        await uploads.receive(head, pieces(body))
        return head.batch_id

    first = await send("a", "b")
    with pytest.raises(BatchQueueFullError, match=r"^2 requests .* would add 2; at most 3 may") as refusal:
        await send("c", "d")
    assert classify(refusal.value) == (429, "rate_limit_error")
    await send("e")
    with pytest.raises(
        BatchQueueFullError, match=r"^3 requests of your organization's batches wait already;"
    ):
        await send("f")
    async with shop.pool.connection() as connection:
        cursor = await connection.execute("SELECT count(*) FROM batches")
        assert await cursor.fetchone() == (2,)
    await shop.run(first)
    await send("g", "h")
