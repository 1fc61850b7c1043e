from pathlib import Path

import pytest

from jeton.db.migrating import load_migrations
from jeton.errors import ConfigurationError


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_text("SELECT 1;", encoding="utf-8")
    return folder


def test_the_packaged_migrations_are_numbered_from_one_on() -> None:
    numbers = [migration.number for migration in load_migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (migration,) = load_migrations(write(tmp_path, "0001_first.sql"))
    # printf 'SELECT 1;' | sha256sum
    assert migration.digest == "sha256:17db4fd369edb9244b9f91d9aeed145c3d04ad8ba6e95d06247f07a63527d11a"
    assert migration.name == "first"


def test_every_mistake_in_the_numbering_is_named(tmp_path: Path) -> None:
    write(tmp_path, "0001_first.sql", "0001_again.sql", "0004_gap.sql", "later.sql")
    with pytest.raises(ConfigurationError) as caught:
        load_migrations(tmp_path)
    assert [Path(mistake.split(":")[0]).name for mistake in caught.value.mistakes] == [
        "0001_first.sql",
        "0004_gap.sql",
        "later.sql",
    ]
