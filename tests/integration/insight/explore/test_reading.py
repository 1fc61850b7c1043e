"""The one query against the facts it sums: in every zone, step, filter and grouping, to the nano."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from psycopg.errors import NumericValueOutOfRange
from tests.integration.insight.explore.past import Fact, fill, open_past, read_facts

from jeton.db.pool import Pool
from jeton.insight.explore.plan import draw_up
from jeton.insight.explore.question import DIMENSIONS, Question
from jeton.insight.explore.reading import explore
from jeton.insight.explore.stretches import LONGEST, Step, Stretch, cut, of_days, snap
from jeton.insight.verify import verify

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "America/Los_Angeles",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Africa/Cairo",
)
# Around the day on which Europe's clocks go back, and Lord Howe's long gone forward.
FROM_AT = datetime(2026, 10, 22, tzinfo=UTC)
QUESTIONS = 120


def ask(random: Random, facts: list[Fact], organization: Question) -> Question:
    """Any question: whole days or ragged instants, by day or hour or not, of something, by something."""
    zone = ZoneInfo(random.choice(ZONES))
    if random.random() < 0.6:
        first = date(2026, 10, 20) + timedelta(days=random.randrange(10))
        stretch = of_days(first, first + timedelta(days=random.randrange(1, 8)), zone=zone)
    else:
        starts_at = FROM_AT + timedelta(minutes=random.randrange(-2_000, 9_000))
        stretch = Stretch(starts_at, starts_at + timedelta(minutes=random.randrange(1, 9_000)), zone)
    step: Step | None = random.choice((None, "1h", "1d", "1mo"))
    where = {}
    for name in DIMENSIONS:
        if random.random() < 0.2:
            where[name] = tuple(random.sample([fact.dimensions[name] for fact in facts], 2))
    group_by = tuple(random.sample(sorted(DIMENSIONS), random.randrange(4)))
    return Question(organization.organization_id, stretch, step, group_by, where, limit=1_000)


async def test_any_question_is_answered_by_what_the_charges_sum_to(pool: Pool) -> None:
    random = Random(6)  # noqa: S311 - a seed, so that a failure can be repeated
    past = await open_past(pool)
    await fill(past, random, requests=250, from_at=FROM_AT, days=6)
    async with pool.connection() as connection:
        assert (await verify(connection)).findings == []
    whose = Question(past.world.organization.organization_id, of_days(date(2026, 1, 1), date(2026, 1, 2)))
    async with pool.connection() as connection:
        facts = await read_facts(connection)
        # Some paid by free credit, some not, some in part.
        net = [(fact.free_nano, fact.charged_nano - fact.reversed_nano) for fact in facts]
        assert {(free > 0, free < amount) for free, amount in net} >= {
            (True, False),
            (True, True),
            (False, True),
        }
        answered = 0
        for _ in range(QUESTIONS):
            question = ask(random, facts, whose)
            report = await explore(connection, question)
            expected: dict[tuple[int, tuple[str | None, ...]], list[int]] = defaultdict(lambda: [0] * 12)
            for fact in facts:
                bucket = report.buckets.find(fact.at)
                if not 0 <= bucket < report.buckets.count:
                    continue
                if any(fact.dimensions[name] not in values for name, values in question.where.items()):
                    continue
                into = expected[bucket, tuple(fact.dimensions[name] for name in question.group_by)]
                for number, amount in enumerate(_amounts(fact)):
                    into[number] += amount
            found = {
                (cell.bucket, cell.group): [
                    cell.sums.requests,
                    cell.sums.input_tokens,
                    cell.sums.cache_creation_5m_input_tokens,
                    cell.sums.cache_creation_1h_input_tokens,
                    cell.sums.cache_read_input_tokens,
                    cell.sums.output_tokens,
                    cell.sums.web_search_requests,
                    cell.sums.list_nano,
                    cell.sums.charged_nano,
                    cell.sums.reversed_nano,
                    cell.sums.free_credit_nano,
                    cell.sums.thinking_tokens,
                ]
                for cell in report.cells
            }
            assert found == dict(expected), question
            answered += len(found)
            for cell in report.cells:
                sums = cell.sums
                assert sums.list_nano - sum(sums.saved_by_stage.values()) == sums.charged_nano
    assert answered > 1_000
    await past.world.close()


def _amounts(fact: Fact) -> tuple[int, ...]:
    usage = fact.usage
    return (
        1,
        usage.input_tokens,
        usage.cache_creation_5m_input_tokens,
        usage.cache_creation_1h_input_tokens,
        usage.cache_read_input_tokens,
        usage.output_tokens,
        usage.web_search_requests,
        fact.list_nano,
        fact.charged_nano,
        fact.reversed_nano,
        fact.free_nano,
        usage.thinking_tokens,
    )


async def test_what_is_beyond_the_limit_is_other_and_nothing_is_lost(pool: Pool) -> None:
    random = Random(7)  # noqa: S311 - a seed, so that a failure can be repeated
    past = await open_past(pool)
    await fill(past, random, requests=60, from_at=FROM_AT, days=2)
    stretch = of_days(date(2026, 10, 22), date(2026, 10, 24))
    whose = past.world.organization.organization_id
    async with pool.connection() as connection:
        everything = await explore(connection, Question(whose, stretch, "1d", ("key_id",)))
        one = await explore(connection, Question(whose, stretch, "1d", ("key_id", "model"), limit=1))
    (first, *others) = everything.by_group.values()
    assert len(others) == 2
    assert one.totals == everything.totals
    keys = one.by_first(1)
    assert next(iter(keys)) == next(iter(everything.by_group))
    assert keys[(None,)].net_nano == sum(sums.net_nano for sums in others)
    assert keys[next(iter(keys))].net_nano == first.net_nano
    assert {group[1] for group in one.by_group} == {"claude-sonnet-5-5", None}
    await past.world.close()


@pytest.mark.parametrize("group_by", [("key_id",), ("key_id", "model"), ("model", "end_user"), ("end_user",)])
async def test_what_is_other_is_so_in_every_bucket(pool: Pool, group_by: tuple[str, ...]) -> None:
    random = Random(8)  # noqa: S311 - a seed, so that a failure can be repeated
    past = await open_past(pool)
    await fill(past, random, requests=60, from_at=FROM_AT, days=2)
    stretch = of_days(date(2026, 10, 22), date(2026, 10, 24), zone=ZoneInfo("Asia/Kolkata"))
    whose = past.world.organization.organization_id
    async with pool.connection() as connection:
        every = await explore(connection, Question(whose, stretch, "1h", group_by, limit=1_000))
        told = await explore(connection, Question(whose, stretch, "1h", group_by, limit=1))
    highest = []
    for place in range(len(group_by)):
        amounts: dict[str, int] = defaultdict(int)
        for cell in every.cells:
            amounts[str(cell.group[place])] += cell.sums.net_nano
        highest.append(min(amounts, key=lambda value: (-amounts[value], value)))
    folded: dict[tuple[int, tuple[str | None, ...]], list[int]] = {}
    for cell in every.cells:
        group = tuple(
            value if value == first else None for value, first in zip(cell.group, highest, strict=True)
        )
        sums = folded.setdefault((cell.bucket, group), [0] * len(cell.sums))
        folded[cell.bucket, group] = [one + more for one, more in zip(sums, cell.sums, strict=True)]
    assert {(cell.bucket, cell.group): list(cell.sums) for cell in told.cells} == folded
    assert len(told.cells) == len(folded) < len(every.cells)
    assert [cell.bucket for cell in told.cells] == sorted(cell.bucket for cell in told.cells)
    await past.world.close()


async def test_a_sum_too_large_is_an_error_and_no_other_number(pool: Pool) -> None:
    async with pool.connection() as connection:
        with pytest.raises(NumericValueOutOfRange):
            await connection.execute("SELECT whole_sum(n) FROM (VALUES (9223372036854775807), (1)) AS r (n)")


def test_a_year_in_any_zone_reads_few_quarters() -> None:
    for name in ZONES:
        year = of_days(date(2026, 1, 1), date(2027, 1, 1), zone=ZoneInfo(name))
        by_month, by_day = draw_up(cut(year, "1mo")), draw_up(cut(year, "1d"))
        read = [
            sum((part.until_at - part.from_at) // timedelta(minutes=15) for part in plan.quarters)
            for plan in (by_month, by_day)
        ]
        # At most twelve hours a day, or at each of thirteen ends of a month, of 35,040 quarters in all.
        assert read[0] <= 13 * 48
        assert read[1] <= 366 * 48
    assert LONGEST["1d"] > timedelta(days=366)
    assert draw_up(cut(snap(of_days(date(2026, 1, 1), date(2027, 1, 1))), "1d")).quarters == []
