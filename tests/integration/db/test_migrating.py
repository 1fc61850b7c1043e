import asyncio
from pathlib import Path

import psycopg
import pytest

from jeton.db.errors import DatabaseUnreachableError, SchemaChangedError, SchemaNewerError, SchemaOlderError
from jeton.db.migrating import MIGRATIONS_DIR, check_schema, load_migrations, migrate
from jeton.db.pool import connect
from jeton.errors import ConfigurationError


def write(folder: Path, number: int, sql: str) -> Path:
    (folder / f"{number:04d}_step.sql").write_text(sql, encoding="utf-8")
    return folder


async def list_numbers(url: str) -> list[int]:
    connection = await connect(url)
    cursor = await connection.execute("SELECT number FROM schema_migrations ORDER BY number")
    numbers = [int(row[0]) for row in await cursor.fetchall()]
    await connection.close()
    return numbers


async def test_the_packaged_schema_is_made_once(empty_database_url: str) -> None:
    assert await migrate(empty_database_url) == load_migrations()
    assert await migrate(empty_database_url) == ()
    await check_schema(empty_database_url)


async def test_only_what_is_missing_is_applied(empty_database_url: str, tmp_path: Path) -> None:
    await migrate(empty_database_url, directory=write(tmp_path, 1, "CREATE TABLE a ()"))
    with pytest.raises(SchemaOlderError, match="has schema 1, and this Jeton needs schema 2"):
        await check_schema(empty_database_url, directory=write(tmp_path, 2, "CREATE TABLE b ()"))
    (applied,) = await migrate(empty_database_url, directory=tmp_path)
    assert applied.number == 2


async def test_a_newer_schema_is_refused_by_both_numbers(empty_database_url: str, tmp_path: Path) -> None:
    write(tmp_path, 1, "CREATE TABLE a ()")
    await migrate(empty_database_url, directory=write(tmp_path, 2, "CREATE TABLE b ()"))
    (tmp_path / "0002_step.sql").unlink()
    with pytest.raises(SchemaNewerError, match="has schema 2, and this Jeton knows schemas up to 1"):
        await migrate(empty_database_url, directory=tmp_path)


async def test_an_edited_migration_is_refused_by_both_digests(
    empty_database_url: str, tmp_path: Path
) -> None:
    await migrate(empty_database_url, directory=write(tmp_path, 1, "CREATE TABLE a ()"))
    with pytest.raises(SchemaChangedError, match="Migration 1 was applied with digest sha256:") as caught:
        await migrate(empty_database_url, directory=write(tmp_path, 1, "CREATE TABLE a (b int)"))
    assert str(caught.value).count("sha256:") == 2


async def test_a_migration_that_fails_leaves_the_one_before_it(
    empty_database_url: str, tmp_path: Path
) -> None:
    write(tmp_path, 1, "CREATE TABLE a ()")
    write(tmp_path, 2, "CREATE TABLE b (); CREATE TABLE a ()")
    with pytest.raises(psycopg.errors.DuplicateTable):
        await migrate(empty_database_url, directory=tmp_path)
    assert await list_numbers(empty_database_url) == [1]
    write(tmp_path, 2, "CREATE TABLE b ()")
    await migrate(empty_database_url, directory=tmp_path)
    assert await list_numbers(empty_database_url) == [1, 2]


async def test_nodes_that_start_together_migrate_once(empty_database_url: str, tmp_path: Path) -> None:
    write(tmp_path, 1, "CREATE TABLE a (); SELECT pg_sleep(0.1)")
    results = await asyncio.gather(*(migrate(empty_database_url, directory=tmp_path) for _ in range(5)))
    assert sorted(len(result) for result in results) == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("url", ["postgresql://u:secret@127.0.0.1:1/d", "nonsense://secret"])
async def test_a_database_that_is_not_there_is_named_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseUnreachableError) as caught:
        await migrate(url)
    assert "secret" not in str(caught.value)


async def test_a_librarys_own_file_is_applied_if_it_is_the_one_that_was_meant(
    empty_database_url: str, tmp_path: Path
) -> None:
    """The example is the schema of the queue; where the digest is another nothing of the migration stays."""
    line = (MIGRATIONS_DIR / "0017_batches.sql").read_text("utf-8").splitlines()[-1]
    name, _, digest = line.partition("sha256:")
    wrong = f"CREATE TABLE a ();\n{name}sha256:{'0' * 64}"
    with pytest.raises(ConfigurationError, match=f"digest sha256:{digest}, and this Jeton was made for"):
        await migrate(empty_database_url, directory=write(tmp_path, 1, wrong))
    await migrate(empty_database_url, directory=write(tmp_path, 1, f"CREATE TABLE a ();\n{line}"))
    connection = await connect(empty_database_url)
    cursor = await connection.execute("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")
    assert await cursor.fetchall() == [(True,)]
    await connection.close()
