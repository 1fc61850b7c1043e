"""Serving: one process from its port to its last commit, and its end on a signal.

The first SIGINT or SIGTERM stops politely, within ``stop_timeout_s``; the second cuts what is
still in flight. Either way what was committed stays and the database is shut down in order.
"""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog
import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from jeton.app.demo import prepare_demo
from jeton.app.parts import Parts, open_parts
from jeton.app.routes import build_app, open_gateway
from jeton.errors import JetonError
from jeton.gateway.deps import GatewayDeps
from jeton.gateway.wire.connection import KEEP_ALIVE_TIMEOUT_S, Connection
from jeton.gateway.wire.station import Station
from jeton.settings import Settings, render_base_url

BACKLOG = 2048
# Of uvicorn's main loop.
TICKS_PER_SECOND = 10
GC_THRESHOLDS = (50_000, 20, 20)
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

Report = Callable[[str], None]
Announce = Callable[[Parts, str, Path | None], None]


class AddressError(JetonError):
    """The address cannot be listened on."""

    code = "address_unusable"


def serve(settings: Settings, *, report: Report, announce: Announce) -> None:
    """Serve until a signal; raises JetonError when it cannot start.

    ``report`` gets progress, ``announce`` the parts, the base URL and the demo's file, once it serves.
    """
    configure_logging(settings.log_level)
    # Before the database, so that a busy port costs nobody a wait.
    listener = bind(settings.host, settings.port)
    with listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listener, report=report, announce=announce))


async def _serve(settings: Settings, listener: socket.socket, *, report: Report, announce: Announce) -> None:
    stopping = _Stopping()
    with stopping.on_signals(), contextlib.suppress(asyncio.CancelledError):
        async with open_parts(settings, report) as parts:
            base_url = render_base_url(settings.host, listener.getsockname()[1])
            demo_path = await prepare_demo(settings, parts.pool, passwords=parts.passwords, base_url=base_url)
            gateway = open_gateway(parts)
            config = uvicorn.Config(
                build_app(parts, gateway),
                loop="none",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_TIMEOUT_S,
                timeout_graceful_shutdown=settings.stop_timeout_s,
            )
            _spare_the_collector()
            server = _Server(
                config,
                gateway,
                on_started=lambda: announce(parts, base_url, demo_path),
                on_stopping=parts.live.close,
            )
            stopping.server = server
            await server.serve([listener])


def _spare_the_collector() -> None:
    """Look for cycles less often, and never among what was made before serving.

    A request leaves next to none, and each look costs more with every connection that is open.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


class _Server(uvicorn.Server):
    """uvicorn behind the gateway's own wire, and without signal handlers.

    The wire takes every connection and hands those over that ask for something else. uvicorn's
    handlers would end the process before the database.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        gateway: GatewayDeps,
        *,
        on_started: Callable[[], None],
        on_stopping: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._gateway = gateway
        self._on_started = on_started
        self._on_stopping = on_stopping
        self._station: Station | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to us."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()

        def make_foreign() -> asyncio.Protocol:
            return HttpToolsProtocol(
                self.config, server_state=self.server_state, app_state=self.lifespan.state, _loop=loop
            )

        station = self._station = Station(
            self._gateway, self.server_state, loop=loop, make_foreign=make_foreign
        )
        self.servers = [
            await loop.create_server(lambda: Connection(station), sock=listener, backlog=BACKLOG)
            for listener in sockets or ()
        ]
        self.started = True
        self._on_started()

    async def on_tick(self, counter: int) -> bool:
        """Move the second hand of both, and say whether to stop."""
        if self._station is not None and counter % TICKS_PER_SECOND == 0:
            self._station.tick()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is in flight, or cut it when it has been asked for twice."""
        # What has no end of its own would be waited for.
        self._on_stopping()
        await super().shutdown(sockets)
        if self.force_exit:
            for task in tuple(self.server_state.tasks):
                task.cancel()


class _Stopping:
    """What a signal does: before the server exists, cancel the start; then stop; then cut."""

    def __init__(self) -> None:
        self.server: _Server | None = None
        self._task = asyncio.current_task()

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Handle the stop signals meanwhile."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        if self.server is not None:
            self.server.force_exit = self.server.should_exit
            self.server.should_exit = True
        elif self._task is not None:
            self._task.cancel()


def bind(host: str, port: int) -> socket.socket:
    """A socket on the address, not yet listening; AddressError says why it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AddressError(f"The address {host} cannot be listened on: {error.strerror}.") from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise AddressError(
            f"Port {port} of {host} cannot be listened on ({error.strerror}): "
            "stop what uses it, or choose another with --port."
        ) from None
    return listener


def configure_logging(level: str) -> None:
    """One line of JSON for each event (or colours on a terminal), on stderr."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr, force=True)
    # The pool warns of each connection that was cut, which at every stop is one.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    renderer = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
