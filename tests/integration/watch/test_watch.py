import asyncio
import contextlib
from datetime import timedelta
from uuid import uuid4

import msgspec
import psycopg
import pytest
from tests.integration.watch.scene import (
    FAMILY,
    MODEL,
    PROMPT,
    Counter,
    Demoter,
    ended,
    make_watch,
    of_searches,
    of_tokens,
)

from jeton import clock
from jeton.db.pool import Pool
from jeton.insight.accuracy import AccuracyReport, ListedAlarm, get_accuracy, list_alarms
from jeton.insight.figures.availability import ModelAvailability, get_availability
from jeton.insight.refusals.counting import count_refusals
from jeton.insight.usage import DayRange
from jeton.metering.contract import Rule
from jeton.tokens.prompt import Message, Prompt
from jeton.watch.alarms import acknowledge_alarm
from jeton.watch.errors import AlarmNotFoundError
from jeton.watch.watch import ESTIMATED_BYTES_MAX, SAMPLES_MAX, TOKENIZED_BYTES_MAX, Watch
from jeton.watch.words import Refused


async def report_of(pool: Pool) -> AccuracyReport:
    async with pool.connection() as connection:
        return await get_accuracy(connection, range_=DayRange.last(2, at=clock.now()))


async def alarms_of(pool: Pool) -> tuple[ListedAlarm, ...]:
    async with pool.connection() as connection:
        return await list_alarms(connection)


async def finish(watch: Watch) -> None:
    await watch.work_off()
    await watch.flush()


async def test_first_bytes_of_every_node_are_summed_by_step(pool: Pool) -> None:
    """19 streams at once on one node say nothing yet; with one more, that took 2 minutes, there are 20."""
    one, other = make_watch(pool, Counter()), make_watch(pool, Counter())
    for _ in range(20):
        one.note(ended())
    for _ in range(19):
        one.note_first_byte(MODEL, clock.now())
    await finish(one)
    assert (await _availability_of(pool)).first_bytes.streams == 0
    other.note_first_byte(MODEL, clock.now() - timedelta(minutes=2))
    await finish(other)
    first_bytes = (await _availability_of(pool)).first_bytes
    assert first_bytes.streams == 20
    assert first_bytes.p95_ms is not None
    assert 0 < first_bytes.p95_ms <= 60_000


async def _availability_of(pool: Pool) -> ModelAvailability:
    async with pool.connection() as connection:
        (model,) = (await get_availability(connection)).models
    return model


async def test_every_nodes_errors_are_summed_by_model_and_kind_of_content(pool: Pool) -> None:
    one, other = make_watch(pool, Counter(98)), make_watch(pool, Counter(106))
    one.note(of_tokens(100))
    one.note(of_tokens(140))
    await finish(one)
    other.note(of_tokens(100))
    other.note(of_tokens(100, prompt=Prompt(MODEL, [Message("user", '{"a": 1}')])))
    await finish(other)
    await finish(other)
    counts = {row.kind: row for row in (await report_of(pool)).counts}
    assert set(counts) == {"english", "json"}
    english = counts["english"]
    # 98 for 100 is -2 %, 98 for 140 is -30 % and outside 88 to 108, 106 for 100 is +6 %.
    assert (english.observations, english.counted_tokens, english.reported_tokens) == (3, 302, 340)
    assert english.mean_error_ppm == -86_667
    assert english.mean_absolute_error_ppm == 126_667
    assert (english.worst_under_ppm, english.worst_over_ppm) == (-300_000, 60_000)
    assert (english.outside, english.outside_ppm) == (1, 333_333)
    assert (counts["json"].observations, counts["json"].mean_error_ppm) == (1, 60_000)


async def test_the_bound_is_compared_whether_or_not_the_prompt_is_counted_again(pool: Pool) -> None:
    watch = make_watch(pool)
    for _ in range(SAMPLES_MAX + 3):
        watch.note(of_tokens(100))
    watch.note(ended(is_rehearsal=True))
    await finish(watch)
    report = await report_of(pool)
    assert [row.observations for row in report.counts] == [SAMPLES_MAX]
    [bound] = report.bounds
    assert (bound.model, bound.kind, bound.observations, bound.outside) == (MODEL, "any", SAMPLES_MAX + 4, 0)
    assert bound.counted_tokens == 500 * (SAMPLES_MAX + 4)
    assert watch.tallies.dropped == {"sampling": 3, "rehearsal": 1}
    watch.note(of_tokens(100))
    await finish(watch)
    assert [row.observations for row in (await report_of(pool)).counts] == [SAMPLES_MAX + 1]


async def test_a_bound_that_was_exceeded_is_one_open_alarm_until_it_is_acknowledged(pool: Pool) -> None:
    watch = make_watch(pool)
    watch.note(of_tokens(501, request_id="req_a"))
    watch.note(of_tokens(600, request_id="req_b"))
    await finish(watch)
    watch.note(of_tokens(700, request_id="req_c"))
    await finish(watch)
    [alarm] = await alarms_of(pool)
    assert (alarm.code, alarm.subject, alarm.times) == ("bound_exceeded", MODEL, 3)
    assert alarm.details == {
        "request_id": "req_a",
        "family": FAMILY,
        "bound_tokens": 500,
        "reported_tokens": 501,
        "held_nano": 1_000,
        "net_nano": 900,
    }
    assert watch.tallies.alarms_open == {
        "bound_exceeded": 1,
        "tokenizer_demoted": 0,
        "ledger_unsound": 0,
        "payment_mismatch": 0,
        "payment_repeated": 0,
    }
    tally = watch.tallies.models[MODEL]
    assert (tally.bound_checks, tally.bounds_exceeded) == (3, 3)
    [bound] = (await report_of(pool)).bounds
    assert (bound.outside, bound.worst_under_ppm) == (3, -285_714)
    at = clock.now()
    async with pool.connection() as connection:
        await acknowledge_alarm(connection, alarm.alarm_id, by="ada@example.com", at=at)
        await acknowledge_alarm(connection, alarm.alarm_id, by="bob@example.com", at=clock.now())
    watch.note(of_tokens(501, request_id="req_d"))
    await finish(watch)
    newer, older = await alarms_of(pool)
    assert (newer.times, newer.acknowledged_at, newer.details["request_id"]) == (1, None, "req_d")
    assert (older.times, older.acknowledged_at, older.acknowledged_by) == (3, at, "ada@example.com")


async def test_a_hold_that_was_too_small_is_an_alarm_though_the_prompt_kept_its_bound(pool: Pool) -> None:
    watch = make_watch(pool)
    watch.note(ended(held_nano=899))
    await finish(watch)
    [alarm] = await alarms_of(pool)
    assert (alarm.details["held_nano"], alarm.details["net_nano"]) == (899, 900)


async def test_a_prompt_is_read_once_more_after_each_search(pool: Pool) -> None:
    watch = make_watch(pool)
    watch.note(of_searches(1))
    await finish(watch)
    assert await alarms_of(pool) == ()
    assert watch.tallies.dropped == {"web_search": 1}
    watch.note(of_searches(0))
    await finish(watch)
    assert [alarm.times for alarm in await alarms_of(pool)] == [1]


async def test_nobody_acknowledges_an_alarm_that_is_not_there(pool: Pool) -> None:
    async with pool.connection() as connection:
        with pytest.raises(AlarmNotFoundError, match="There is no alarm alarm_x"):
            await acknowledge_alarm(connection, "alarm_x", by="ada@example.com", at=clock.now())


async def test_what_the_database_does_not_take_waits_for_the_next_time(pool: Pool) -> None:
    watch = make_watch(pool)
    watch.note(of_tokens(501))
    await watch.work_off()
    async with pool.connection() as connection:
        await connection.execute("ALTER TABLE alarms RENAME TO alarms_away")
    for _ in range(2):
        with pytest.raises(psycopg.errors.UndefinedTable):
            await watch.flush()
    watch.note(of_tokens(502))
    async with pool.connection() as connection:
        await connection.execute("ALTER TABLE alarms_away RENAME TO alarms")
    await watch.close()
    [alarm] = await alarms_of(pool)
    assert alarm.times == 2
    report = await report_of(pool)
    assert [row.observations for row in (*report.counts, *report.bounds)] == [2, 2]


@pytest.mark.parametrize(
    ("counter", "reason"),
    [
        (Counter(error=msgspec.ValidationError("bad")), "unreadable"),
        (Counter(error=RecursionError()), "unreadable"),
        (Counter(method="bounded"), "not_counted"),
    ],
    ids=["invalid", "nested", "bounded"],
)
async def test_a_prompt_that_cannot_be_counted_is_said_to_be_so(
    pool: Pool, counter: Counter, reason: str
) -> None:
    watch = make_watch(pool, counter)
    watch.note(ended())
    await watch.work_off()
    assert watch.tallies.dropped == {reason: 1}
    assert watch.tallies.series == {}


async def test_an_estimate_may_be_of_a_longer_prompt_than_a_tokenizers_count(pool: Pool) -> None:
    estimating, counting = make_watch(pool), make_watch(pool, Counter(method="exact"))
    for watch in (estimating, counting):
        watch.note(ended())
        await watch.work_off()
        watch.note(ended(body_bytes=TOKENIZED_BYTES_MAX + 1))
        watch.note(ended(body_bytes=ESTIMATED_BYTES_MAX + 1))
    assert estimating.tallies.dropped == {"too_long": 1}
    assert counting.tallies.dropped == {"too_long": 2}


async def test_a_rush_costs_a_bounded_memory(pool: Pool) -> None:
    watch = make_watch(pool)
    for _ in range(SAMPLES_MAX + 5):
        watch.note(ended(body_bytes=1))
    assert watch.tallies.dropped == {"sampling": 5}
    assert watch.tallies.models[MODEL].bound_checks == SAMPLES_MAX + 5


async def test_what_was_not_charged_is_counted_and_compared_with_nothing(pool: Pool) -> None:
    watch = make_watch(pool)
    watch.note(ended(rule=Rule.UPSTREAM_FAILED, usage=None, net_nano=0))
    await finish(watch)
    tally = watch.tallies.models[MODEL]
    assert (tally.rules, tally.bound_checks, tally.input_tokens) == ({Rule.UPSTREAM_FAILED: 1}, 0, 0)
    assert (await report_of(pool)).bounds == ()


async def test_a_prompt_with_an_image_is_media(pool: Pool) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    turns = [{"role": "user", "content": [{"type": "text", "text": "Look."}, image]}]
    prompt = msgspec.json.decode(msgspec.json.encode({"model": MODEL, "messages": turns}), type=Prompt)
    watch = make_watch(pool)
    watch.note(ended(prompt=prompt))
    await watch.work_off()
    assert list(watch.tallies.series) == [(MODEL, "media", "estimated")]


async def test_the_kind_is_that_of_the_longest_text(pool: Pool) -> None:
    turns = [Message("user", "Short."), Message("assistant", '{"long": "enough to be the longest"}')]
    watch = make_watch(pool)
    watch.note(ended(prompt=Prompt(MODEL, turns, system="A system prompt.")))
    await watch.work_off()
    assert list(watch.tallies.series) == [(MODEL, "json", "estimated")]


async def test_a_rebuilt_tokenizer_that_disagrees_is_demoted_and_stays_so_after_a_start(pool: Pool) -> None:
    demoter = Demoter()
    watch = make_watch(pool, Counter(101, spread=0, method="reconstructed"), demoter)
    for _ in range(3):
        watch.note(of_tokens(100))
    await finish(watch)
    assert demoter.demoted == watch.tallies.demoted == {FAMILY}
    [alarm] = await alarms_of(pool)
    assert (alarm.code, alarm.subject, alarm.times) == ("tokenizer_demoted", FAMILY, 1)
    assert (alarm.details["counted_tokens"], alarm.details["reported_tokens"]) == (101, 100)
    later = Demoter()
    restarted = make_watch(pool, demoter=later)
    running = asyncio.create_task(restarted.run())
    async with asyncio.timeout(10):
        await later.recalled.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert later.demoted == {FAMILY}


async def test_samples_that_take_long_become_few(pool: Pool) -> None:
    watch = make_watch(pool, Counter(cost_s=0.004))
    samples = []
    for _ in range(6):
        before = sum(series.sums.observations for series in watch.tallies.series.values())
        for _ in range(SAMPLES_MAX):
            watch.note(ended())
        await watch.work_off()
        after = sum(series.sums.observations for series in watch.tallies.series.values())
        samples.append(after - before)
    # A hundredth of a second is spent a tick, and each takes 4 ms.
    assert samples[0] == SAMPLES_MAX
    assert samples[-1] == 2


async def test_noting_keeps_no_prompt_that_is_not_a_sample(pool: Pool) -> None:
    watch = make_watch(pool)
    for _ in range(SAMPLES_MAX * 2):
        watch.note(ended())
    kept = [entry.prompt for entry in watch._queue]
    assert kept == [PROMPT] * SAMPLES_MAX


async def test_refusals_of_every_node_are_summed_by_hour_and_reason(pool: Pool) -> None:
    organization_id = uuid4()
    limited = Refused(organization_id, "wrkspc_a", MODEL, "rate_limited")
    for times in (2, 1):
        node = make_watch(pool, Counter(100))
        for _ in range(times):
            node.note_refusal(limited)
        node.note_refusal(limited._replace(error_code="insufficient_credit"))
        await finish(node)
    async with pool.connection() as connection:
        counted = await count_refusals(connection, organization_id, at=clock.now())
        others = await count_refusals(connection, uuid4(), at=clock.now())
    assert counted.by_code == {"rate_limited": 3, "insufficient_credit": 2}
    assert counted.count == 5
    assert {(hour.workspace_id, hour.model) for hour in counted.hours} == {("wrkspc_a", MODEL)}
    assert others.count == 0
