"""Year: weeks in which everybody lives, and the jobs that an installation does meanwhile, on one clock.

A month is billed two days after its end and closed for good eight days after it; in between, usage comes
late.
"""

import calendar
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from tests.money.living import live
from tests.money.town import BOOKS_ZONE, BY, RULES, STARTS_AT, Citizen, Town, at_once
from tests.money.using import end_late, use

from jeton.billing.closing.closing import close_month
from jeton.billing.closing.words import find_month
from jeton.billing.invoicing.closing import Closer, close_due
from jeton.billing.payments.arriving.receiving import receive_webhook
from jeton.billing.payments.arriving.reconciling import reconcile
from jeton.billing.providers.errors import ProviderUnreachableError
from jeton.billing.receivables.collecting.cards import try_cards
from jeton.billing.receivables.collecting.collecting import collect
from jeton.billing.receivables.dunning.words import DunningTerms
from jeton.billing.switching.last_documents import issue_pending, make_issue_last
from jeton.charging.sweeping import sweep
from jeton.insight.verify import verify
from jeton.watch.proofs import ProofOutcome, claim_proof, end_proof, request_proof

Say = Callable[[str], None]
DAYS = (3, 9, 16, 24)
LATE_SHARE = 10
SETTLING_ROUNDS = 6


async def play(town: Town, months: int, seed: int, say: Say) -> None:
    """So many months, and two more in which nobody uses anything and everything is finished."""
    random = Random(f"year {seed}")  # noqa: S311 - a seed, so that a year can be played again
    for month in range(months):
        for day in DAYS:
            town.bank.at = _instant(month, day) + timedelta(minutes=random.randint(0, 600))
            say(f"{town.at:%Y-%m-%d}: {town.counts['requests charged']:,} requests")
            if day == DAYS[0]:
                # What ran over the end of the month is known only now, when it was billed.
                await close_periods(town)
                await at_once(end_late(town, citizen) for citizen in town.citizens)
            await at_once(live(town, citizen) for citizen in town.citizens)
            await do_jobs(town, random)
            if day == DAYS[1]:
                await close_books(town)
        town.bank.at = _instant(month + 1, 1) - timedelta(minutes=random.randint(1, 5))
        await at_once(use(town, citizen, is_late=True) for citizen in _sample(town, random, LATE_SHARE))
    await finish(town, months, random, say)


async def finish(town: Town, months: int, random: Random, say: Say) -> None:
    """Nobody uses anything any more: what is late comes, everything is billed, and the bank is heard out."""
    town.bank.is_calm = True
    for round_ in range(SETTLING_ROUNDS):
        town.bank.at = _instant(months + round_ // 2, 4 + 14 * (round_ % 2))
        say(f"{town.at:%Y-%m-%d}: settling")
        await close_periods(town)
        await at_once(end_late(town, citizen) for citizen in town.citizens)
        await do_jobs(town, random, is_last=True)


async def close_periods(town: Town) -> None:
    """Documents of every period that has been over for its days of grace."""
    closing = await close_due(Closer(town.pool, RULES, town.at))
    assert not closing.problems, closing.problems
    for kind, count in closing.documents.items():
        town.counts[f"documents: {kind}"] += count


async def do_jobs(town: Town, random: Random, *, is_last: bool = False) -> None:
    """What `jeton work` does: reloads, webhooks, the comparison, credit on documents, dunning, sweeping."""
    ended = await town.reloader.run(town.at)
    town.counts["reloads"] += ended["opened"]
    await receive(town, random)
    if is_last or random.random() < 0.5:
        town.bank.at += timedelta(minutes=5)
        await reconcile(town.till, at=town.at)
    await issue_pending(town.pool, make_issue_last(RULES, town.at), town.at)
    dunning = DunningTerms()
    await collect(town.pool, dunning, town.at)
    town.counts["documents paid by card"] += (await try_cards(town.till, dunning, town.at))["paid"]
    while await sweep(town.pool, town.commits):
        pass


async def receive(town: Town, random: Random) -> None:
    """Webhooks of the week, in no order."""
    bodies = town.bank.collect_webhooks()
    random.shuffle(bodies)

    async def take(body: bytes) -> None:
        try:
            received = await receive_webhook(town.till, body, "signed", at=town.at)
        except ProviderUnreachableError:
            town.bank.webhooks.append(body)
        else:
            town.counts[f"webhooks {received.outcome}"] += 1

    await at_once(take(body) for body in bodies)


async def close_books(town: Town) -> None:
    """The house's month before this one is proved and closed for good."""
    month = find_month(find_month(town.at, BOOKS_ZONE).starts_at - timedelta(days=1), BOOKS_ZONE)
    if month.ends_at <= STARTS_AT:
        return
    async with town.pool.connection() as connection:
        proof = await verify(connection)
    assert not proof.findings, proof.findings[:5]
    async with town.pool.connection() as connection:
        await request_proof(connection, by="year", at=town.at)
        proof_id = await claim_proof(connection, town.at)
        assert proof_id is not None
        await end_proof(connection, proof_id, ProofOutcome({}, (), bytes(32)), at=town.at)
    async with town.pool.connection() as connection:
        await close_month(connection, month, by=BY, at=town.at)
    town.counts["months closed"] += 1


def _sample(town: Town, random: Random, percent: int) -> list[Citizen]:
    return random.sample(town.citizens, max(1, len(town.citizens) * percent // 100))


def _instant(month: int, day: int) -> datetime:
    year, index = divmod(month, 12)
    first = datetime(STARTS_AT.year + year, index + 1, 1, 9, tzinfo=UTC)
    return first + timedelta(days=min(day, calendar.monthrange(first.year, first.month)[1]) - 1)
