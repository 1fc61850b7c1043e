"""Playing: a town is filled, a year goes by in it, and the town is given back to be judged."""

from tests.money.living import move_in
from tests.money.town import Town, at_once, open_town, turning_clock
from tests.money.year import Say, play

from jeton.db.pool import Pool


async def play_year(pool: Pool, organizations: int, months: int, seed: int, say: Say) -> Town:
    """A year from a seed, on a migrated database."""
    async with open_town(pool) as town:
        with turning_clock(town.bank):
            first = seed * 1_000_003
            await at_once(move_in(town, one) for one in range(first, first + organizations))
            await play(town, months, seed, say)
    return town
