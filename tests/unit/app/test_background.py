"""Parts beside the requests: they outlive their defects, and end when they are told to."""

import asyncio
from contextlib import AsyncExitStack

from jeton.app.background import run_in_background


async def test_a_part_that_fails_while_it_ends_is_not_begun_again() -> None:
    """As a worker does whose database is away: its end fails, and that error is raised instead."""
    begun = 0

    async def run() -> None:
        nonlocal begun
        begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError

    async with asyncio.timeout(10):
        async with AsyncExitStack() as stack:
            run_in_background(stack, "worker", run)
            await asyncio.sleep(0)
    assert begun == 1
