"""Background: tasks that run beside the requests for as long as the process, and outlive their defects."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import structlog

RESTART_DELAY_S = 1.0

_log = structlog.get_logger(__name__)


def run_in_background(stack: AsyncExitStack, name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Keep ``run`` running until the stack is closed."""
    task = asyncio.create_task(_keep_running(name, run), name=name)

    async def end() -> None:
        task.cancel()
        await asyncio.wait([task])

    stack.push_async_callback(end)


async def _keep_running(name: str, run: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await run()
        except Exception:  # noqa: BLE001 - the last handler of what runs beside the requests
            _log.exception("background_failed", part=name)
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                # It was asked to end, and failed at that: it is not begun again.
                return
            await asyncio.sleep(RESTART_DELAY_S)
        else:
            return
