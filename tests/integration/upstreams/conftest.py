"""Both event loops for the client: uvloop, which serves, and asyncio's own."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

BOTH = frozenset({"test_http_client.py", "test_pool.py"})


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run what depends on transports on both loops."""
    if item.path.name in BOTH:
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}
