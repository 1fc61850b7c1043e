"""Conservation, the short version: a few hundred lives; `python -m tests.chaos.conservation` plays all."""

import pytest
from tests.chaos.conservation import play
from tests.chaos.lives.on_postgresql import play_on
from tests.chaos.lives.world import World, open_world

from jeton.db.pool import Pool

SEEDS, OPERATIONS = 200, 100


@pytest.fixture(scope="module")
def world() -> World:
    return open_world()


@pytest.mark.parametrize("first", range(1, SEEDS, 50))
def test_books_and_model_agree_after_every_operation(world: World, first: int) -> None:
    """A failure names its seed and operation."""
    for seed in range(first, first + 50):
        assert play(seed, OPERATIONS, world) >= OPERATIONS


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
async def test_they_agree_through_postgresql_and_the_proof_does_too(
    pool: Pool, world: World, seed: int
) -> None:
    await play_on(pool, seed, 120, world)
