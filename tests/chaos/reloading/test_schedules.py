"""Reloads, the short version: some hundred schedules; `python -m tests.chaos.reloads` plays ten thousand."""

import pytest
from tests.chaos.reloads import play_wave

from jeton.db.pool import Pool

ROUNDS = 80


@pytest.mark.parametrize("first", [1, 10_001, 20_001])
async def test_no_need_is_paid_twice_and_our_books_are_the_providers_truth(pool: Pool, first: int) -> None:
    """A failure names the seed of the organization."""
    figures = await play_wave(pool, first, ROUNDS)
    assert figures["reloads"] > ROUNDS
    assert figures["processes that died"] > 0
    assert figures["repeated under the same key"] > 0
