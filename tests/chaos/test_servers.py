"""Servers under stress, the short version; the scripts beside this file do it for as long as one likes.

Kills have theirs in tests/e2e/test_crash.py.
"""

from argparse import Namespace
from pathlib import Path
from random import Random

from tests.chaos import overspend, partitions


async def test_three_servers_let_in_exactly_what_the_credit_is_worth(tmp_path: Path) -> None:
    async with overspend.open_stage(tmp_path, nodes=3) as stage:
        played = await overspend.play(stage, 1, clients=60)
        assert not played.problem, played


async def test_cut_lines_cost_nobody_anything_that_is_not_due(tmp_path: Path) -> None:
    """Five cuts between servers, PostgreSQL and the upstream."""
    run = partitions.Run(Random(1))  # noqa: S311 - a seed, so that the cuts can be repeated
    chosen = Namespace(rounds=5, seed=1, clients=4)
    problems, _ = await partitions.play(run, tmp_path, chosen)
    assert problems == []
    assert run.answers
