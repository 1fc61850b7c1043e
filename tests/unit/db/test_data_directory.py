import os
import stat
from pathlib import Path

import pytest

from jeton.db.data_directory import lock_data_directory, write_private
from jeton.db.errors import DataDirectoryBusyError, DataDirectoryError


def test_a_held_directory_is_refused_by_the_holder_s_number(tmp_path: Path) -> None:
    with lock_data_directory(tmp_path / "data"), pytest.raises(DataDirectoryBusyError) as caught:
        lock_data_directory(tmp_path / "data")
    assert str(caught.value) == (
        f"The data directory {tmp_path / 'data'} is in use by process {os.getpid()}: "
        "stop it, or choose another with --data-dir."
    )


def test_a_directory_is_free_again_once_its_lock_is_closed(tmp_path: Path) -> None:
    lock_data_directory(tmp_path).close()
    lock_data_directory(tmp_path).close()


def test_a_place_that_cannot_be_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryError, match="file/data"):
        lock_data_directory(tmp_path / "file" / "data")


def test_a_private_file_is_its_owner_s_even_where_an_open_one_was(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(mode=0o644)
    write_private(path, "new\n")
    assert path.read_text(encoding="utf-8") == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]
