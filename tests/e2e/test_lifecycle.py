"""A server's life: first start, stop, second start, refusals to start, and being killed."""

import asyncio
import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import anthropic
import psycopg
import pytest
from tests.e2e.serving import ServerProcess, find_free_port, run_jeton, serving

from jeton.db.embedded import EmbeddedServer

QUESTION = "Who reckoned with counters? Merchants reckoned with counters."


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that was started, asked once, and stopped."""
    with serving(tmp_path_factory.mktemp("a server") / "data") as server:
        ask(server)
        assert server.stop()[0] == 0
        yield server


def ask(server: ServerProcess) -> str:
    """One request with the demo's key; its id."""
    with anthropic.Anthropic(
        base_url=server.base_url, api_key=server.demo["ANTHROPIC_API_KEY"], max_retries=0
    ) as client:
        message = client.messages.create(
            model="jeton-extract-1", max_tokens=50, messages=[{"role": "user", "content": QUESTION}]
        )
    assert message.usage.output_tokens > 0
    assert message._request_id is not None
    return message._request_id


def count_charges(server: ServerProcess) -> int:
    address = (server.data_dir / "database.url").read_text(encoding="utf-8").strip()
    with psycopg.connect(address) as connection:
        row = connection.execute("SELECT count(*) FROM charges").fetchone()
    assert row is not None
    return int(row[0])


def read_postgres_pid(server: ServerProcess) -> int:
    """The process of its PostgreSQL; 0 while there is none."""
    try:
        lines = (server.data_dir / "postgres" / "postmaster.pid").read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return 0
    return int(lines[0]) if lines else 0


def test_the_first_start_writes_the_demo_for_its_user_only(lived: ServerProcess) -> None:
    assert list(lived.demo) == [
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_API_KEY",
        "JETON_ADMIN_KEY",
        "JETON_CONSOLE_EMAIL",
        "JETON_CONSOLE_PASSWORD",
    ]
    assert lived.demo["ANTHROPIC_BASE_URL"] == lived.base_url
    for name in ("demo.env", "database.password", "superuser.password"):
        assert stat.S_IMODE((lived.data_dir / name).stat().st_mode) == 0o600


def test_a_second_start_keeps_the_keys_and_the_charges_and_follows_the_port(lived: ServerProcess) -> None:
    before = lived.demo
    lived.port = find_free_port()
    lived.base_url = f"http://127.0.0.1:{lived.port}"
    lived.start()
    charges = count_charges(lived)
    ask(lived)
    assert count_charges(lived) == charges + 1
    assert lived.demo == {**before, "ANTHROPIC_BASE_URL": lived.base_url}
    code, output = lived.stop(signal.SIGTERM)
    assert code == 0
    assert lived.base_url in output
    assert "Traceback" not in output
    assert not (lived.data_dir / "database.url").exists()


def test_a_busy_port_is_one_sentence_and_starts_no_database(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        result = run_jeton("serve", "--port", port, "--data-dir", str(tmp_path / "data"))
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == (
        f"Port {port} of 127.0.0.1 cannot be listened on (Address already in use): "
        "stop what uses it, or choose another with --port.\n"
    )
    assert not (tmp_path / "data").exists()


def test_a_second_instance_on_a_data_directory_is_refused(lived: ServerProcess) -> None:
    lived.start()
    assert lived.process is not None
    pid = lived.process.pid
    result = run_jeton("serve", "--port", str(find_free_port()), "--data-dir", str(lived.data_dir))
    assert lived.status("/healthz") == 200
    assert lived.stop()[0] == 0
    assert result.returncode == 1
    assert result.stderr == (
        f"The data directory {lived.data_dir} is in use by process {pid}: "
        "stop it, or choose another with --data-dir.\n"
    )


def test_a_database_of_a_newer_schema_is_refused_by_both_numbers(tmp_path: Path) -> None:
    known = run_jeton("migrate", "--data-dir", str(tmp_path), "--json")
    assert known.returncode == 0, known.stderr
    asyncio.run(_add_migration(tmp_path, 9000))
    result = run_jeton("serve", "--port", str(find_free_port()), "--data-dir", str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith("The database has schema 9000, and this Jeton knows schemas up to ")
    assert result.stderr.count("\n") == 1


async def _add_migration(data_dir: Path, number: int) -> None:
    server = EmbeddedServer(data_dir)
    with psycopg.connect(await server.start()) as connection:
        connection.execute(
            "INSERT INTO schema_migrations (number, name, digest) VALUES (%s, 'later', %s)",
            [number, f"sha256:{'0' * 64}"],
        )
    await server.stop()


def test_after_sigkill_of_everything_nothing_is_lost(lived: ServerProcess) -> None:
    lived.start()
    charges = count_charges(lived)
    request_id = ask(lived)
    assert lived.process is not None
    server = lived.process.pid
    postgres = read_postgres_pid(lived)
    backends = [int(pid) for pid in Path(f"/proc/{postgres}/task/{postgres}/children").read_text().split()]
    for pid in (postgres, *backends, server):
        os.kill(pid, signal.SIGKILL)
    assert lived.wait()[0] == -signal.SIGKILL
    lived.start()
    assert count_charges(lived) == charges + 1
    receipt = run_jeton("receipt", request_id, "--data-dir", str(lived.data_dir), "--json")
    assert receipt.returncode == 0, receipt.stderr
    assert request_id in receipt.stdout
    assert lived.stop()[0] == 0


def test_a_database_that_dies_is_started_again_while_serving(lived: ServerProcess) -> None:
    lived.start()
    postgres = read_postgres_pid(lived)
    os.kill(postgres, signal.SIGKILL)
    while read_postgres_pid(lived) in {0, postgres}:
        assert lived.process is not None
        assert lived.process.poll() is None
    lived.wait_until_healthy()
    ask(lived)
    assert lived.stop()[0] == 0


def test_ctrl_c_during_the_start_ends_it_in_order(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    server.start(wait=False)
    while not (tmp_path / "data" / "lock").exists():
        assert server.process is not None
        assert server.process.poll() is None
    code, output = server.stop()
    assert code == 0
    assert "Traceback" not in output
    with serving(tmp_path / "data") as again:
        ask(again)


def test_a_given_postgresql_15_serves_as_well(debian_programs: Path, tmp_path: Path) -> None:
    given = EmbeddedServer(tmp_path / "given", programs=debian_programs)
    address = asyncio.run(given.start())
    try:
        with serving(tmp_path / "data", environment={"JETON_DATABASE_URL": address}) as server:
            ask(server)
            assert not (server.data_dir / "postgres").exists()
    finally:
        asyncio.run(given.stop())
