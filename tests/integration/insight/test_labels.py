"""Labels: from the request to its facts, sums, receipt and stream; and a sum that is wrong is found."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.insight.explore.past import Past, open_past

from jeton.db.pool import Pool
from jeton.insight.explore import reading
from jeton.insight.explore.errors import TooManyLabelsError
from jeton.insight.explore.question import Question
from jeton.insight.explore.reading import count_active, explore
from jeton.insight.explore.stretches import Stretch
from jeton.insight.explore.units import Active, list_unit_costs
from jeton.insight.receipt import get_receipt
from jeton.insight.receipt_json import render_receipt
from jeton.insight.requests import ChargeFilter, list_charges, render_charge
from jeton.insight.verify import verify
from jeton.metering.labels import Labels
from jeton.usage import Usage

NOON = datetime(2026, 10, 20, 12, tzinfo=UTC)
DAY = Stretch(NOON - timedelta(hours=1), NOON + timedelta(days=1))
# $0.01 each: $10 a million.
A_CENT = Usage(output_tokens=1_000, thinking_tokens=400)
CENT = 10_000_000


async def fill(past: Past) -> list[str]:
    """Five requests of a cent: two of one end user, one of them and another with a tag, one with neither."""
    some = (Labels("ann"), Labels("ann", "chat"), Labels("bob"), Labels(tag="chat"), Labels())
    return [await past.bill_at(NOON, A_CENT, labels=labels) for labels in some]


def ask(past: Past, *group_by: str, **where: str) -> Question:
    chosen = {name: (value,) for name, value in where.items()}
    return Question(past.world.organization.organization_id, DAY, None, group_by, chosen)


async def test_groups_by_label_sum_to_the_total_and_an_end_user_has_a_price(pool: Pool) -> None:
    past = await open_past(pool)
    request_ids = await fill(past)
    await past.reverse(request_ids[0])
    async with pool.connection() as connection:
        by_user = (await explore(connection, ask(past, "end_user"))).by_group
        assert {group[0]: sums.net_nano for group, sums in by_user.items()} == {
            "": 2 * CENT,
            "ann": CENT,
            "bob": CENT,
        }
        assert {group[0]: sums.thinking_tokens for group, sums in by_user.items()} == {
            "": 800,
            "ann": 800,
            "bob": 400,
        }
        both = (await explore(connection, ask(past, "tag", end_user="ann"))).by_group
        assert {group[0]: sums.net_nano for group, sums in both.items()} == {"chat": CENT, "": 0}
        totals = (await explore(connection, ask(past))).totals
        assert (totals.requests, totals.net_nano) == (5, 4 * CENT)
        assert (totals.output_tokens, totals.said_tokens, totals.thinking_tokens) == (5_000, 3_000, 2_000)
        # What is beyond the limit is other, by the day as well.
        first = replace(ask(past, "end_user"), step="1d", limit=1)
        cells = (await explore(connection, first)).by_group
        assert [(group[0], sums.net_nano) for group, sums in cells.items()] == [
            ("", 2 * CENT),
            (None, 2 * CENT),
        ]
        active = await count_active(connection, ask(past))
        assert active == Active(end_users=2, end_users_nano=2 * CENT, tags=1, tags_nano=2 * CENT)
        units = {unit.code: unit.nano for unit in list_unit_costs(totals, active)}
        assert (units["active_end_user"], units["tag"]) == (CENT, 2 * CENT)
        assert await count_active(connection, ask(past, end_user="nobody")) == Active()
    await past.world.close()


async def test_facts_of_a_request_show_its_labels_and_can_be_found_by_them(pool: Pool) -> None:
    past = await open_past(pool)
    request_ids = await fill(past)
    organization_id = past.world.organization.organization_id
    async with pool.connection() as connection:
        wanted = ChargeFilter(end_user="ann", tag="chat")
        page = await list_charges(connection, organization_id, filter_=wanted)
        assert [charge.request_id for charge in page.charges] == [request_ids[1]]
        shown = render_charge(page.charges[0])
        assert (shown["end_user"], shown["tag"]) == ("ann", "chat")
        receipt = render_receipt(await get_receipt(connection, organization_id, request_ids[1]))
        assert (receipt["end_user"], receipt["tag"], receipt["state"]) == ("ann", "chat", "settled")
        usage = receipt["usage"]
        assert isinstance(usage, dict)
        assert usage["thinking_tokens"] == 400
        plain = render_receipt(await get_receipt(connection, organization_id, request_ids[4]))
        assert (plain["end_user"], plain["tag"]) == (None, None)
    await past.world.close()


async def test_only_labelled_requests_have_sums_by_label(pool: Pool) -> None:
    past = await open_past(pool)
    await past.bill_at(NOON, A_CENT)
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT (SELECT count(*) FROM labelled_quarters) + (SELECT count(*) FROM labelled_days)"
        )
        assert await cursor.fetchone() == (0,)
    await past.world.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE labelled_quarters SET requests = requests + 1 WHERE end_user = 'ann' AND tag = ''",
        "UPDATE labelled_quarters SET end_user = 'eve' WHERE end_user = 'bob'",
        "UPDATE labelled_quarters SET saved_cache_nano = saved_cache_nano + 1, saved_batch_nano = -1",
        "UPDATE labelled_days SET thinking_tokens = 0 WHERE end_user = 'bob'",
        "DELETE FROM labelled_days WHERE tag = 'chat'",
        "UPDATE labelled_reversals SET reversed_nano = reversed_nano - 1, free_credit_nano = 0",
        "SELECT 1",
    ],
    ids=["requests", "whose", "saved", "thinking", "days", "reversals", "nothing"],
)
async def test_a_sum_by_label_that_is_wrong_is_found(pool: Pool, statement: str) -> None:
    past = await open_past(pool)
    request_ids = await fill(past)
    await past.reverse(request_ids[0])
    async with pool.connection() as connection:
        await connection.execute(statement)
    async with pool.connection() as connection:
        findings = (await verify(connection)).findings
    assert bool(findings) == (not statement.startswith("SELECT"))
    assert all("labelled_" in finding for finding in findings)
    await past.world.close()


async def test_more_labels_than_an_answer_adds_up_are_refused_with_a_way_out(pool: Pool) -> None:
    past = await open_past(pool)
    async with pool.connection() as connection:
        await connection.execute(
            """
            INSERT INTO labelled_quarters
            SELECT %s, %s, 'w', 'k', 'm', 'standard', 'global', 'standard', '0-200k', 1, 0, 0, 0, 0, 0, 0, 0,
                   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'user-' || n, ''
            FROM generate_series(1, %s) AS n
            """,
            (past.world.organization.organization_id, NOON, reading.ACTIVE_MAX + 1),
        )
        # Of two hours, which are read by the quarter.
        hours = replace(ask(past), stretch=Stretch(NOON - timedelta(hours=1), NOON + timedelta(hours=1)))
        active = await count_active(connection, hours)
        assert (active.end_users, active.tags) == (None, None)
        with pytest.raises(TooManyLabelsError, match="more than 500,000 sums by end user or tag"):
            raise TooManyLabelsError(reading.LABELLED_MAX)
        # One of them is found by its index, however many there are.
        one = replace(hours, group_by=("end_user",), where={"end_user": ("user-7",)})
        assert (await count_active(connection, one)).end_users == 1
    await past.world.close()
