"""A backup taken while requests are billed, put into another place, and what is wrong with a file."""

import json
import stat
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest
from tests.e2e.books import prove, query
from tests.e2e.serving import ServerProcess, run_jeton, serving

QUESTION = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 60,
    "messages": [{"role": "user", "content": "Coins clink. Counters count. What do counters do?"}],
}


class Traffic:
    """Requests, one after the other on each of some threads, for the length of a block."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(4)]
        self._answered = threading.Semaphore(0)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        headers = {"x-api-key": self._server.demo["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"}
        with httpx2.Client(headers=headers, timeout=30) as client:
            while not self._is_over.is_set():
                answer = client.post(f"{self._server.base_url}/v1/messages", json=QUESTION)
                assert answer.status_code == 200, answer.text
                self._answered.release()

    def wait(self, answers: int) -> None:
        """Until so many more were answered."""
        for _ in range(answers):
            assert self._answered.acquire(timeout=30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with some requests behind it."""
    with serving(tmp_path_factory.mktemp("backup") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def backup(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A backup that was taken amid traffic, and what the command said."""
    path = tmp_path_factory.mktemp("files") / "jeton.backup"
    with Traffic(server) as traffic:
        traffic.wait(20)
        before = query(server, "SELECT count(*) FROM charges")[0][0]
        done = jeton(server.data_dir, "backup", str(path), "--json")
        assert (done.returncode, done.stderr) == (0, "")
        traffic.wait(20)
        after = query(server, "SELECT count(*) FROM charges")[0][0]
    said: dict[str, Any] = json.loads(done.stdout)
    assert before <= said["rows"]["charges"] <= after
    assert before < after
    return path, said


def jeton(data_dir: Path, *words: str) -> Any:  # noqa: ANN401 - what run_jeton returns
    return run_jeton(*words, environment={"JETON_DATA_DIR": str(data_dir)})


def restored(path: Path, data_dir: Path, *options: str) -> dict[str, Any]:
    done = jeton(data_dir, "restore", str(path), *options, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_a_backup_is_private_and_never_takes_the_place_of_a_file(
    server: ServerProcess, backup: tuple[Path, dict[str, Any]]
) -> None:
    path, _ = backup
    content = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = jeton(server.data_dir, "backup", str(path))
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == f"{path} exists already: choose another name, or remove it first.\n"
    nowhere = jeton(server.data_dir, "backup", str(path / "below"))
    assert nowhere.returncode == 1
    assert "cannot be written" in nowhere.stderr
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_what_is_restored_is_the_books_at_the_snapshot(
    server: ServerProcess, backup: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """Proven, with the chains where they ended; the demo's key works, and new charges come on top."""
    path, made = backup
    said = restored(path, tmp_path / "data")
    assert said["is_sound"] is True
    assert (said["digest"], said["rows"]) == (made["digest"], made["rows"])
    assert said["files"] == ["demo.env", "metrics.token"]
    with serving(tmp_path / "data") as second:
        (organization_id, end), *others = made["chains"].items()
        assert others == []
        assert second.demo["ANTHROPIC_API_KEY"] == server.demo["ANTHROPIC_API_KEY"]
        length = int(end.partition(":")[0])
        until = """
            SELECT account, sum(amount_nano) FROM postings JOIN transactions USING (transaction_id)
            WHERE transactions.organization_id = %s AND sequence <= %s GROUP BY account ORDER BY account
        """
        assert query(second, until, organization_id, length) == query(server, until, organization_id, length)
        with Traffic(second) as traffic:
            traffic.wait(5)
        kept = tmp_path / "ends.json"
        kept.write_text(json.dumps(made), encoding="utf-8")
        proof = jeton(tmp_path / "data", "ledger", "verify", "--expect", str(kept))
        assert proof.returncode == 0, proof.stdout
        prove(second)


def test_a_place_with_something_in_it_is_only_replaced_when_told(
    backup: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    path, made = backup
    data_dir = tmp_path / "data"
    with serving(data_dir) as second:
        key = second.demo["ANTHROPIC_API_KEY"]
        running = jeton(data_dir, "restore", str(path), "--replace")
        assert running.returncode == 1
        assert "is in use by process" in running.stderr
    refused = jeton(data_dir, "restore", str(path))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "demo.env exists already and is another one" in refused.stderr
    (data_dir / "demo.env").rename(tmp_path / "demo.env")
    (data_dir / "metrics.token").unlink()
    refused = jeton(data_dir, "restore", str(path))
    assert "is not empty: restore to another one, or give --replace" in refused.stderr
    assert not (data_dir / "demo.env").exists()
    (tmp_path / "demo.env").rename(data_dir / "demo.env")
    with serving(data_dir) as second:
        assert second.demo["ANTHROPIC_API_KEY"] == key
        prove(second)
    assert restored(path, data_dir, "--replace")["rows"] == made["rows"]
    with serving(data_dir) as second:
        assert list(prove(second)["chains"]) == list(made["chains"])


def rewrite(path: Path, folder: Path, **changes: object) -> Path:
    """A copy with another manifest."""
    copy = folder / "changed.backup"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as changed:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "manifest.json":
                content = json.dumps({**json.loads(content), **changes}).encode()
            changed.writestr(name, content)
    return copy


def test_books_that_do_not_prove_are_not_restored_unless_told(
    backup: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """The manifest says another end of a chain: somebody rewrote the ledger before it was backed up."""
    path, made = backup
    chains = {one: f"{end.partition(':')[0]}:{'0' * 64}" for one, end in made["chains"].items()}
    copy = rewrite(path, tmp_path, chains=chains)
    done = jeton(tmp_path / "data", "restore", str(copy))
    assert (done.returncode, done.stdout) == (1, "")
    assert "do not prove (2 findings), so nothing was restored" in done.stderr
    assert not (tmp_path / "data" / "demo.env").exists()
    told = jeton(tmp_path / "data", "restore", str(copy), "--unsound")
    assert told.returncode == 1
    assert "do NOT prove" in told.stdout
    assert (tmp_path / "data" / "demo.env").exists()
    assert (tmp_path / "data" / "postgres" / "PG_VERSION").exists()
