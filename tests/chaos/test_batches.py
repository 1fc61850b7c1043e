"""Batches under kills, the short version; the script beside this file does it for as long as one likes."""

from argparse import Namespace
from pathlib import Path
from random import Random

from tests.chaos import batches
from tests.chaos.kills import Run


async def test_whatever_is_killed_each_item_is_charged_once_or_not_at_all(tmp_path: Path) -> None:
    run, sent = Run(Random(1)), batches.Sent()  # noqa: S311 - a seed, so that the order can be repeated
    chosen = Namespace(rounds=4, minutes=2, database_every_s=0)
    problems, charged = await batches.play(run, sent, tmp_path, chosen)
    assert problems == []
    assert sent.batch_ids
    assert charged > 0
