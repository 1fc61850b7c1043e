"""Health: whether a request could be held and billed at this moment, for whoever sends requests here."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import psycopg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from jeton.db.pool import CONNECT_TIMEOUT_S, Pool, connect_like

HEALTH_TIMEOUT_S = 0.8
# One question at a time, and none for so long after the last, whoever asks and how often.
HEALTH_LIFE_S = 0.2


class Health:
    """Asks the database on a connection of its own: one that is open says nothing about the next."""

    def __init__(self, pool: Pool, is_away: Callable[[], bool]) -> None:
        """``is_away``: whether the writer of charges knows already that the database is not to be had."""
        self._pool = pool
        self._is_away = is_away
        self._lock = asyncio.Lock()
        self._was_well = False
        self._asked_at_s = float("-inf")

    async def is_well(self) -> bool:
        """Whether the database answers; never older than ``HEALTH_LIFE_S`` and ``HEALTH_TIMEOUT_S``."""
        async with self._lock:
            if time.monotonic() - self._asked_at_s > HEALTH_LIFE_S:
                self._was_well = await self._ask()
                self._asked_at_s = time.monotonic()
        return self._was_well and not self._is_away()

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(HEALTH_TIMEOUT_S):
                connection = await connect_like(self._pool, timeout_s=CONNECT_TIMEOUT_S)
                try:
                    await connection.execute("SELECT FROM balances LIMIT 1")
                finally:
                    await connection.close()
        except (psycopg.Error, TimeoutError):
            return False
        return True


def make_health(health: Health) -> Callable[[Request], Awaitable[Response]]:
    """The answer to ``GET /healthz``."""

    async def answer_health(request: Request) -> Response:
        """``GET /healthz``: 200 when a request could be held and billed at this moment, else 503."""
        del request
        if await health.is_well():
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "database_away"}, status_code=503)

    return answer_health
