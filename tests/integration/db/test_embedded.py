"""The embedded server on real data directories, as whoever runs the tests and as root's deputy."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from jeton.db.embedded import EmbeddedServer
from jeton.db.errors import DatabaseStartError, DataDirectoryBusyError

WRITER = """
import asyncio, sys
from pathlib import Path
import psycopg
from jeton.db.embedded import EmbeddedServer

async def main():
    url = await EmbeddedServer(Path(sys.argv[1])).start()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE numbers (number int)")
        for number in range(1_000_000):
            connection.execute("INSERT INTO numbers VALUES (%s)", [number])
            print(number, flush=True)

asyncio.run(main())
"""


def pid_of(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text(encoding="utf-8").split()[0])


def select(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row and row[0]


@pytest.fixture
def closed_home() -> Iterator[Path]:
    """A folder that only its owner may enter, as /root is; not below pytest's own."""
    path = Path(f"/var/tmp/jeton-test-{os.getpid()} closed")  # noqa: S108 - as long-lived as a home
    path.mkdir(mode=0o700)
    yield path
    shutil.rmtree(path)


async def test_it_speaks_utf_8_is_durable_and_its_user_is_no_superuser(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    url = await server.start()
    assert select(url, "SHOW server_encoding") == "UTF8"
    assert select(url, "SHOW fsync") == "on"
    assert select(url, "SHOW synchronous_commit") == "on"
    assert select(url, "SHOW data_checksums") == "on"
    assert select(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    await server.stop()


async def test_a_closed_home_needs_no_other_permissions(closed_home: Path) -> None:
    server = EmbeddedServer(closed_home / "a clone" / ".jeton")
    assert select(await server.start(), "SELECT 1") == 1
    await server.stop()
    assert closed_home.stat().st_mode & 0o777 == 0o700  # noqa: ASYNC240 - nothing else runs here


async def test_a_path_too_long_for_a_socket_is_served_by_tcp(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / ("long" * 30))
    url = await server.start()
    assert "@127.0.0.1:" in url
    assert select(url, "SELECT 1") == 1
    await server.stop()


async def test_what_was_committed_is_there_after_a_stop(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    with psycopg.connect(await server.start()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    await server.stop()
    assert select(await server.start(), "SELECT number FROM kept") == 1
    await server.stop()


async def test_a_second_server_on_the_directory_is_refused(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    url = await server.start()
    with pytest.raises(DataDirectoryBusyError):
        await EmbeddedServer(tmp_path).start()
    assert select(url, "SELECT 1") == 1
    await server.stop()


async def test_a_stale_pid_file_with_the_number_of_a_living_process_is_cleared(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    await server.start()
    text = (tmp_path / "postgres" / "postmaster.pid").read_text(encoding="utf-8")
    postgres = pid_of(tmp_path)
    os.kill(postgres, signal.SIGKILL)
    await server.stop()
    stale = text.replace(str(postgres), str(os.getppid()), 1)
    (tmp_path / "postgres" / "postmaster.pid").write_text(stale, encoding="utf-8")
    assert select(await server.start(), "SELECT 1") == 1
    await server.stop()


async def test_when_its_owner_is_killed_it_ends_and_no_acknowledged_row_is_lost(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: ASYNC220 - nothing else runs here
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        acknowledged = [int(next(writer.stdout)) for _ in range(200)]
        writer.kill()
        acknowledged += [int(line) for line in writer.stdout]
    server = EmbeddedServer(tmp_path)
    kept = select(await server.start(), "SELECT count(*) FROM numbers")
    await server.stop()
    # The one in flight may have been committed without being acknowledged.
    assert kept in {len(acknowledged), len(acknowledged) + 1}


async def test_a_half_made_database_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "postgres.new" / "base").mkdir(parents=True)
    (tmp_path / "postgres").mkdir()
    server = EmbeddedServer(tmp_path)
    assert select(await server.start(), "SELECT 1") == 1
    await server.stop()


async def test_a_database_of_another_major_is_refused_by_both(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    await server.start()
    await server.stop()
    (tmp_path / "postgres" / "PG_VERSION").write_text("17\n", encoding="ascii")
    with pytest.raises(DatabaseStartError, match=r"made by PostgreSQL 17 and this is PostgreSQL 18"):
        await server.start()


async def test_a_setting_that_postgresql_refuses_is_shown(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path, options={"shared_buffers": "nonsense"})
    with pytest.raises(DatabaseStartError, match="shared_buffers"):
        await server.start()


async def test_debian_s_postgresql_15_works_the_same(debian_programs: Path, tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path, programs=debian_programs)
    assert str(select(await server.start(), "SHOW server_version")).startswith("15.")
    await server.stop()
