"""Judging: what must hold, said by the provider's truth and not by what we have heard of it.

While it plays: nothing is bought that is not needed, or passes the ceiling, given all that was ever taken.
At the end: for every payment the provider took money at most once, our books say exactly what it says, and
the ledger is sound.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from uuid import UUID

from tests.chaos.reloading.playing import Player, Wave

from jeton.billing.reloads.deciding import find_month
from jeton.insight.verify import verify

CENT_NANO = 10_000_000

_OPENED = """
    SELECT organization_id, payment_id, amount_nano, opened_at FROM reloads WHERE opened_at = %s
"""
_MONTHS = "SELECT payment_id, opened_at FROM reloads WHERE organization_id = %s"
_ENDS = """
    SELECT p.payment_id, p.purpose, p.state, d.outcome, d.reload_id IS NOT NULL,
           coalesce((SELECT l.granted_nano FROM lots AS l WHERE l.lot_id = p.lot_id), 0), p.credit_nano
    FROM payments AS p LEFT JOIN reloads AS d USING (payment_id)
"""
_LOTS = "SELECT count(*), coalesce(sum(granted_nano), 0)::bigint FROM lots WHERE kind = 'paid'"


@dataclass(slots=True)
class Score:
    """What was seen in a wave."""

    reloads: int = 0
    purchases: int = 0
    taken: int = 0
    declined: int = 0


async def check_opened(wave: Wave) -> int:
    """What was opened at this instant was needed and within the ceiling; return how many reloads."""
    async with wave.pool.connection() as connection:
        rows = await (await connection.execute(_OPENED, (wave.at,))).fetchall()
    by_organization = {player.organization_id: player for player in wave.players}
    taken = _sum_taken(wave)
    seen: set[UUID] = set()
    for organization_id, payment_id, amount_nano, _ in rows:
        player = by_organization[organization_id]
        where = f"seed {player.seed}, {payment_id}"
        assert organization_id not in seen, f"{where}: two were opened at once"
        seen.add(organization_id)
        # What this one has taken already, since it was opened at this very instant.
        own_nano = sum(nano for reference, nano in _taken_by(wave, player) if reference == payment_id)
        cover_nano = player.granted_nano + taken[organization_id] - own_nano - player.used_nano
        assert cover_nano < player.wish.threshold_nano, f"{where}: bought {amount_nano} without a need"
        most_nano = player.wish.target_nano - cover_nano + CENT_NANO
        assert amount_nano < most_nano or amount_nano == 5_000_000_000, f"{where}: bought {amount_nano}"
        bought_nano = await _sum_of_month(wave, player, payment_id)
        assert bought_nano + amount_nano <= player.wish.ceiling_nano, f"{where}: passed the ceiling"
    return len(rows)


async def check_end(wave: Wave) -> Score:
    """Our books are the provider's truth."""
    score = Score()
    succeeded = Counter(
        one.payment.reference for one in wave.truth.taken.values() if one.payment.status == "succeeded"
    )
    known = {one.payment.reference for one in wave.truth.taken.values()}
    async with wave.pool.connection() as connection:
        rows = await (await connection.execute(_ENDS)).fetchall()
        lots, lots_nano = await (await connection.execute(_LOTS)).fetchone() or (0, 0)
    for payment_id, purpose, state, outcome, is_reload, granted_nano, credit_nano in rows:
        times = succeeded[payment_id]
        assert times <= 1, f"{payment_id}: money was taken {times} times for one need"
        assert (state == "succeeded") == (times == 1), f"{payment_id}: {state}, and taken {times} times"
        assert granted_nano == credit_nano * times, f"{payment_id}: credit of {granted_nano}"
        assert is_reload == (purpose == "reload"), f"{payment_id}: {purpose}"
        if is_reload:
            assert (outcome == "succeeded") == (times == 1), f"{payment_id}: {outcome}, taken {times} times"
            score.reloads += 1
        else:
            score.purchases += 1
        score.taken += times
        score.declined += payment_id in known and not times
    assert sum(succeeded.values()) == score.taken, "money was taken that no payment of ours is for"
    assert (lots, lots_nano) == (score.taken, sum(_sum_taken(wave).values())), "lots are not what was taken"
    async with wave.pool.connection() as connection:
        proof = await verify(connection)
    assert proof.findings == [], proof.findings
    return score


def _taken_by(wave: Wave, player: Player) -> list[tuple[str, int]]:
    customer = f"cus_{player.organization_id}"
    return [
        (one.payment.reference, one.payment.amount_minor * CENT_NANO)
        for one in wave.truth.taken.values()
        if one.customer == customer and one.payment.status == "succeeded"
    ]


def _sum_taken(wave: Wave) -> dict[UUID, int]:
    """Credit (nano) that was paid for, by organization; nothing is taxed here."""
    sums: dict[UUID, int] = defaultdict(int)
    for one in wave.truth.taken.values():
        if one.payment.status == "succeeded":
            sums[UUID(one.customer.removeprefix("cus_"))] += one.payment.amount_minor * CENT_NANO
    return sums


async def _sum_of_month(wave: Wave, player: Player, payment_id: str) -> int:
    """What other reloads of the month took, by the provider's truth, late successes included."""
    month = find_month(player.wish.zone, wave.at)
    async with wave.pool.connection() as connection:
        rows = await (await connection.execute(_MONTHS, (player.organization_id,))).fetchall()
    own = {
        other
        for other, opened_at in rows
        if other != payment_id
        and opened_at >= month.starts_at
        and (month.ends_at is None or opened_at < month.ends_at)
    }
    return sum(nano for reference, nano in _taken_by(wave, player) if reference in own)
