"""Files that are no whole backup, and places that are not free, as an operator meets them."""

import asyncio
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.integration.world import open_world

from jeton.cli import run
from jeton.db.migrating import load_migrations
from jeton.db.pool import connect, open_pool

SCHEMA = len(load_migrations())


@pytest.fixture
def file(database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A backup of a small world."""

    async def make() -> None:
        pool = await open_pool(database_url)
        world = await open_world(pool)
        for _ in range(30):
            await world.bill()
        await world.hold(1)
        await world.close()
        await pool.close()

    asyncio.run(make())
    path = tmp_path / "jeton.backup"
    assert typed("backup", str(path), "--database-url", database_url) == 0
    capsys.readouterr()
    return path


def typed(*words: str) -> int:
    """Type a command; its exit code."""
    try:
        return run([*words])
    except SystemExit as ended:
        return int(ended.code or 0)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Type a restore that fails; its exit code and its one sentence."""
    code = typed("restore", *words)
    out, said = capsys.readouterr()
    assert out == ""
    assert said.endswith("\n")
    assert said.count("\n") == 1
    return code, said.rstrip("\n")


def test_a_damaged_file_is_found_out_before_anything_is_done(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cut off anywhere, or with one byte changed in the middle of any member."""
    content = file.read_bytes()
    copies = [content[: len(content) * part // 10] for part in range(10)] + [content[:-1]]
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if member.file_size:
                damaged = bytearray(content)
                head_bytes = 30 + len(member.filename) + 20
                damaged[member.header_offset + head_bytes + (member.compress_size - 20) // 2] ^= 0x55
                copies.append(bytes(damaged))
    copy = tmp_path / "damaged.backup"
    for one in copies:
        copy.write_bytes(one)
        code, said = refused(capsys, str(copy), "--data-dir", str(tmp_path / "data"))
        assert code == 2
        assert said.startswith(f"{copy} is not a whole backup of Jeton (")
        assert said.endswith("); nothing was restored.")
        assert not (tmp_path / "data").exists()
    assert len(copies) > 20


def test_another_file_is_no_backup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other"
    for content in (b"", b"not a backup", b"PK\x05\x06" + bytes(18)):
        path.write_bytes(content)
        for place in (path, tmp_path / "missing", tmp_path):
            code, said = refused(capsys, str(place), "--data-dir", str(tmp_path / "data"))
            assert code == 2
            assert said.startswith(f"{place} is not a whole backup of Jeton (")
            assert not (tmp_path / "data").exists()


def rewrite(file: Path, copy: Path, **changes: Any) -> None:  # noqa: ANN401 - JSON of any shape
    """A copy with another manifest, or without a member (given as None)."""
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(copy, "w") as changed:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "manifest.json":
                manifest = {**json.loads(content), **changes}
                content = json.dumps(manifest).encode()
            if changes.get(name, "kept") is not None:
                changed.writestr(name, content)


def test_a_manifest_that_is_not_of_this_file_or_this_jeton(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    applied, tables = manifest["migrations"], manifest["tables"]
    edited = [*applied[:-1], {**applied[-1], "digest": "sha256:" + "0" * 64}]
    newer = [*applied, {"number": SCHEMA + 1, "name": "tomorrow", "digest": "sha256:" + "0" * 64}]
    strange = {"name": "files/../../etc/passwd", "size_bytes": 0, "sha256": "0" * 64}
    for number, (changes, code, sentence) in enumerate((
        ({"migrations": newer}, 1, f"the schema {SCHEMA + 1}, and this Jeton knows up to {SCHEMA}"),
        ({"migrations": edited}, 1, f"Migration {SCHEMA} was applied with digest sha256:000"),
        ({"migrations": applied[1:]}, 2, "its migrations are not numbered 1, 2, 3"),
        ({"format": 2}, 1, "the format 2, and this Jeton knows up to 1"),
        ({"tables": tables[1:]}, 2, "its members are not those of its manifest"),
        ({"tables/charges.copy": None}, 2, "its members are not those of its manifest"),
        ({"files": [*manifest["files"], strange]}, 2, "its members are not those of its manifest"),
        ({"kind": "something else"}, 2, "is not a whole backup of Jeton"),
        ({"chains": 7}, 2, "is not a whole backup of Jeton"),
    )):  # fmt: skip
        copy = tmp_path / f"{number}.backup"
        rewrite(file, copy, **changes)
        found, said = refused(capsys, str(copy), "--data-dir", str(tmp_path / "data"))
        assert found == code
        assert sentence in said
        assert not (tmp_path / "data").exists()


def test_a_given_database_is_restored_where_it_is_empty(
    file: Path, database_url: str, empty_database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And only there: one with books stays as it is, and one in use even when it may be replaced."""
    elsewhere = ("--data-dir", str(tmp_path / "data"))
    code, said = refused(capsys, str(file), "--database-url", database_url, *elsewhere)
    assert code == 1
    assert "is not empty: restore to another one, or give --replace" in said
    assert typed("restore", str(file), "--database-url", empty_database_url, *elsewhere) == 0
    told = capsys.readouterr().out
    assert "The books are proven: 62 transactions and 30 charges were recomputed, and 1 chains end" in told
    kept = tmp_path / "ends.json"
    assert typed("ledger", "verify", "--json", "--database-url", database_url) == 0
    kept.write_text(capsys.readouterr().out, encoding="utf-8")
    assert typed("ledger", "verify", "--expect", str(kept), "--database-url", empty_database_url) == 0
    assert typed("restore", str(file), "--replace", "--database-url", empty_database_url, *elsewhere) == 0
    capsys.readouterr()

    async def restore_beside_somebody() -> None:
        connection = await connect(empty_database_url)
        try:
            done = await asyncio.to_thread(
                refused, capsys, str(file), "--replace", "--database-url", empty_database_url, *elsewhere
            )
        finally:
            await connection.close()
        assert done[0] == 1
        assert "stop its servers first" in done[1]

    asyncio.run(restore_beside_somebody())


def test_what_is_not_ours_is_never_removed(
    file: Path, empty_database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def make(statement: str) -> None:
        connection = await connect(empty_database_url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(make("CREATE TABLE accounts_of_somebody (name text)"))
    words = (str(file), "--replace", "--database-url", empty_database_url, "--data-dir", str(tmp_path))
    code, said = refused(capsys, *words)
    assert code == 1
    assert "holds tables that are not Jeton's (accounts_of_somebody)" in said
    asyncio.run(make("INSERT INTO accounts_of_somebody VALUES ('Ada')"))


def test_a_restore_that_fails_leaves_the_old_books(
    file: Path, empty_database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rows of another table under a table's name pass every checksum, but not the database."""
    elsewhere = ("--database-url", empty_database_url, "--data-dir", str(tmp_path / "data"))
    assert typed("restore", str(file), *elsewhere) == 0
    assert typed("ledger", "verify", "--json", *elsewhere[:2]) == 0
    before = capsys.readouterr().out.partition("{")[2]
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        facts = {table["name"]: table for table in manifest["tables"]}
        facts["lots"]["size_bytes"], facts["lots"]["sha256"] = (
            facts["charges"]["size_bytes"],
            facts["charges"]["sha256"],
        )
        copy = tmp_path / "swapped.backup"
        with zipfile.ZipFile(copy, "w") as changed:
            for name in archive.namelist():
                content = archive.read("tables/charges.copy" if name == "tables/lots.copy" else name)
                changed.writestr(name, json.dumps(manifest) if name == "manifest.json" else content)
    code, said = refused(capsys, str(copy), "--replace", *elsewhere)
    assert code == 2
    assert said.startswith(f"{copy} is not a whole backup of Jeton (lots: ")
    assert typed("ledger", "verify", "--json", *elsewhere[:2]) == 0
    assert capsys.readouterr().out.partition("{")[2] == before
