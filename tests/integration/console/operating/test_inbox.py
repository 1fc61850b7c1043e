"""The inbox of every kind: counted up, filtered, answered by mail to whoever wrote, and closed."""

import pytest
from tests.integration.console.operating.scene import OPERATOR, deps_of, seated
from tests.integration.world import open_world

from jeton import clock
from jeton.db.pool import Pool
from jeton.errors import OverloadedError
from jeton.identity.audit import SYSTEM
from jeton.notifications.inbox.errors import ItemTextError
from jeton.notifications.inbox.items import (
    OPEN_ITEMS_MAX,
    WantedItem,
    close_item,
    count_open,
    list_items,
    open_item,
)
from jeton.notifications.outbox import fan_out

QUESTION = WantedItem("unanswered_question", "How long is a piece of string?", dedup_key="string")
SUPPORT = WantedItem("contact_support", "It hurts.", email="Ann@example.org", name="Ann", is_told=True)


async def ask(pool: Pool, wanted: WantedItem) -> str:
    async with pool.connection() as connection:
        return await open_item(connection, wanted)


async def test_the_same_again_counts_up_until_it_is_done(pool: Pool) -> None:
    first = await ask(pool, QUESTION)
    assert await ask(pool, QUESTION) == first
    assert await ask(pool, WantedItem("docs_feedback", "wrong", dedup_key="string")) != first
    async with pool.connection() as connection:
        (item,) = [item for item in await list_items(connection) if item.item_id == first]
        assert item.times == 2
        assert await count_open(connection) == {"docs_feedback": 1, "unanswered_question": 1}
        await close_item(connection, first, reason="", by=SYSTEM)
    assert await ask(pool, QUESTION) != first


async def test_one_kind_being_full_shuts_no_other(pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            "INSERT INTO inbox_items (item_id, kind, email, name, company, message, created_at)"
            " SELECT 'inbox_' || n, 'docs_feedback', '', '', '', 'x', now() FROM generate_series(1, %s) AS n",
            (OPEN_ITEMS_MAX,),
        )
    with pytest.raises(OverloadedError):
        await ask(pool, WantedItem("docs_feedback", "one more"))
    await ask(pool, SUPPORT)
    with pytest.raises(ItemTextError):
        await ask(pool, WantedItem("docs_feedback2", " \n"))


async def test_an_answer_goes_to_whoever_wrote_and_to_nobody_else(pool: Pool) -> None:
    world = await open_world(pool)
    item_id = await ask(pool, SUPPORT)
    async with seated(world, OPERATOR, deps=deps_of(world, has_mail=True)) as seat:
        assert "Ann" in await seat.text("/console/inbox?kind=contact_support")
        assert (await seat.twin("/console/inbox?kind=contact_sales"))["data"] == []
        place = f"/console/inbox/{item_id}"
        assert (await seat.post(f"{place}/reply", text=" ")).status_code == 400
        assert (await seat.post(f"{place}/approve", kind="paid")).status_code == 400
        done = await seat.post(f"{place}/reply", text="Take two\nof these.", is_done="1")
        assert done.status_code == 303
        assert (await seat.post(f"{place}/close", reason="")).status_code == 409
        data = await seat.twin("/console/inbox?state=decided")
        assert "Take two" in await seat.text("/console/inbox?state=decided")
    item, reply = (dict(data[name][0]) for name in ("data", "replies"))  # type: ignore[index]  # values out of JSON
    assert (item["state"], reply["text"], reply["delivered_at"]) == ("done", "Take two\nof these.", None)
    async with pool.connection() as connection:
        await fan_out(connection, has_mailer=True, operator_emails=[OPERATOR], at=clock.now())
        cursor = await connection.execute(
            "SELECT e.type, d.email FROM deliveries AS d JOIN events AS e USING (event_id) ORDER BY 1"
        )
        told = await cursor.fetchall()
    assert told == [("inbox.item_opened", OPERATOR), ("inbox.replied", "ann@example.org")]
    await world.close()


async def test_what_cannot_be_mailed_is_not_answered(pool: Pool) -> None:
    world = await open_world(pool)
    written, anonymous = await ask(pool, SUPPORT), await ask(pool, QUESTION)
    async with seated(world, OPERATOR) as seat:
        assert "No mail server is set" in await seat.text("/console/inbox")
        assert (await seat.post(f"/console/inbox/{written}/reply", text="x")).status_code == 409
        assert (await seat.post("/console/inbox/inbox_none/reply", text="x")).status_code == 404
        assert (await seat.client.get("/console/inbox?state=lost")).status_code == 400
    async with pool.connection() as connection:
        assert {item.state for item in await list_items(connection)} == {"open"}
        assert anonymous in {item.item_id for item in await list_items(connection)}
    await world.close()
