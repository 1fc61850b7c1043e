"""Fleet: several ``jeton serve`` on one PostgreSQL, each of which can be killed and started again."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.serving import find_free_port

ROOT = Path(__file__).resolve().parents[3]
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
POLL_S = 0.02


@dataclass(slots=True)
class Node:
    """A server (or worker) with a folder and a port that stay its own over its lives."""

    command: str
    folder: Path
    port: int
    pid: int = 0
    ended: asyncio.Future[None] | None = None
    starts: int = 0

    @property
    def is_running(self) -> bool:
        return self.ended is not None and not self.ended.done()

    @property
    def log(self) -> str:
        """What it said in all its lives."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal, if it still runs."""
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


@dataclass(slots=True)
class Fleet:
    """The nodes on one database, and the process they are forked from."""

    database_url: str
    folder: Path
    nursery: asyncio.subprocess.Process
    arguments: Sequence[str] = ()
    nodes: list[Node] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def add(self, command: str = "serve") -> Node:
        """Another node, not yet started."""
        folder = self.folder / f"{command}_{len(self.nodes)}"
        folder.mkdir(parents=True)
        node = Node(command, folder, find_free_port())
        self.nodes.append(node)
        return node

    async def start(self, node: Node, *arguments: str) -> None:
        """Start a node; it serves once ``wait_until_healthy`` returns."""
        asked = [node.command, "--data-dir", str(node.folder / "data"), "--database-url", self.database_url]
        asked += ["--log-level", "warning", *self.arguments, *arguments]
        if node.command == "serve":
            asked += ["--port", str(node.port)]
        line = json.dumps({"arguments": asked, "log": str(node.folder / "log")})
        stdin, stdout = self.nursery.stdin, self.nursery.stdout
        assert stdin is not None
        assert stdout is not None
        async with self.lock:
            stdin.write(f"{line}\n".encode())
            node.pid = int(await stdout.readline())
        node.starts += 1
        node.ended = _watch(node.pid)

    async def wait_until_healthy(self, node: Node) -> bool:
        """Whether it can bill requests now; False if it ended instead."""
        async with asyncio.timeout(START_TIMEOUT_S):
            while node.is_running:
                if await asyncio.to_thread(_is_healthy, node.port):
                    return True
                await asyncio.sleep(POLL_S)
        return False

    async def bury(self) -> None:
        """Kill whatever still runs, and return when nothing does."""
        for node in self.nodes:
            node.kill()
            if node.ended is not None:
                await node.ended

    async def stop(self) -> None:
        """End every node politely, then the nursery."""
        for node in self.nodes:
            node.kill(signal.SIGINT)
        for node in self.nodes:
            if node.ended is not None:
                try:
                    await asyncio.wait_for(asyncio.shield(node.ended), STOP_TIMEOUT_S)
                except TimeoutError:
                    node.kill()
        assert self.nursery.stdin is not None
        self.nursery.stdin.close()
        await self.nursery.wait()


@contextlib.asynccontextmanager
async def open_fleet(database_url: str, folder: Path, arguments: Sequence[str] = ()) -> AsyncIterator[Fleet]:
    """A fleet without nodes, for the length of a block."""
    nursery = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.fleet.nursery"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    fleet = Fleet(database_url, folder, nursery, arguments)
    try:
        yield fleet
    finally:
        await fleet.stop()


def _watch(pid: int) -> asyncio.Future[None]:
    """Done when a process, not a child of ours, has ended."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        ended.set_result(None)
        return ended

    def end() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        if not ended.done():
            ended.set_result(None)

    loop.add_reader(descriptor, end)
    return ended


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
