"""The money test, the short version: `python -m tests.money` plays a thousand organizations for a year."""

from pathlib import Path

from tests.money.judging import judge
from tests.money.playing import play_year

from jeton.db.pool import Pool


async def test_a_third_of_a_year_comes_to_the_cent_and_to_the_nano(pool: Pool, tmp_path: Path) -> None:
    town = await play_year(pool, 25, 4, 7, lambda _: None)
    assert await judge(town, tmp_path) == []
