"""Collecting, the short version: one month; `python -m tests.chaos.collecting` plays a hundred."""

from tests.chaos.collecting.rounds import play_round
from tests.conftest import TEMPLATE


async def test_jobs_that_are_killed_and_done_again_end_where_living_ones_do(template_url: str) -> None:
    figures = await play_round(template_url, TEMPLATE, 1, organizations=6)
    assert figures["jobs"] == 12
    assert figures["killed"] > 3
