"""Rounds: the plan played by processes that live and by processes that die, from one beginning."""

from collections import Counter

import psycopg
from psycopg import sql
from tests.chaos.collecting.judging import find_differences
from tests.chaos.collecting.playing import ORGANIZATIONS, begin, play
from tests.conftest import replace_database

from jeton.db.pool import open_pool


async def play_round(
    url: str, template: str, seed: int, *, organizations: int = ORGANIZATIONS
) -> Counter[str]:
    """One round on databases of its own; AssertionError with what differs."""
    names = [f"collecting_{seed}_{one}" for one in ("begun", "model", "mortal")]
    begun, model_name, mortal_name = names
    try:
        _execute(url, "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", begun, template)
        pool = await open_pool(replace_database(url, begun))
        ends_at = await begin(pool, organizations)
        await pool.close()
        for name in (model_name, mortal_name):
            _execute(url, "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, begun)
        model_url, mortal_url = replace_database(url, model_name), replace_database(url, mortal_name)
        model, mortal = await open_pool(model_url), await open_pool(mortal_url)
        try:
            lives = await play(model, model_url, ends_at, lives=None, seed=seed)
            died = await play(mortal, mortal_url, ends_at, lives=lives, seed=seed)
            differences = await find_differences(model, mortal)
            assert not differences, "\n".join(differences)
        finally:
            await model.close()
            await mortal.close()
    finally:
        for name in names:
            _execute(url, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    return died.figures


def _execute(url: str, statement: str, *names: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
