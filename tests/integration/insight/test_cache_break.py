"""A broken prompt-cache hit: one reason and one cost in the API, the Console and on the command line."""

import io

from rich.console import Console
from tests.integration.console.test_routes import signed_in
from tests.integration.world import open_world

from jeton.charging.words import Metered, Rule
from jeton.cli.receipt import print_receipt
from jeton.db.pool import Pool
from jeton.insight.receipt import get_receipt
from jeton.insight.receipt_json import render_receipt
from jeton.pricing.rating import STANDARD
from jeton.usage import Usage

REPORTED = (
    '{"input_tokens":1000,"jeton_prompt_cache":{"reported":{"input_tokens":10000},'
    '"miss":{"type":"tools_changed","cache_missed_input_tokens":9000}}}'
)
SENTENCE = "The tools are not those of the message before."


async def test_a_break_is_told_everywhere(pool: Pool) -> None:
    world = await open_world(pool)
    hold = await world.hold()
    metered = Metered(Rule.COMPLETED, Usage(1000, 9000), "upstream", STANDARD, REPORTED)
    charge = await world.charging.settle(hold, metered)
    async with pool.connection() as connection:
        receipt = await get_receipt(connection, None, charge.request_id)
    assert receipt.problems == ()
    # 9,000 tokens written at $2.50 a million instead of read at $0.10.
    assert render_receipt(receipt)["cache_break"] == {
        "reason": "tools_changed",
        "sentence": SENTENCE,
        "missed_input_tokens": 9000,
        "cost": "0.0216",
        "previous_request_id": None,
    }
    out = io.StringIO()
    print_receipt(receipt, Console(file=out, width=160, highlight=False))
    assert f"{SENTENCE}\n  9,000 cached tokens were not read, which cost $0.0216 more." in out.getvalue()
    async with signed_in(world) as client:
        page = (await client.get(f"/console/requests/{charge.request_id}")).text
    assert SENTENCE in page
    assert "9,000 cached tokens were not read" in page
    await world.close()
