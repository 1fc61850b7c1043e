import os
import pwd
import stat
from pathlib import Path

import pytest

from jeton.db.server_user import choose_user

READ_SEARCH = 1 << 2
OVERRIDE = 1 << 1

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands a database to another user")


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder like that of PostgreSQL's programs, open to everybody down to here."""
    folder = tmp_path / "open" / "bin"
    folder.mkdir(parents=True)
    (folder / "postgres").touch(mode=0o755)
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.geteuid() and path.stat().st_mode & 0o077 == 0:
            path.chmod(0o755)
    return folder


@needs_root
def test_root_hands_the_database_to_the_first_user_that_exists(tmp_path: Path, programs: Path) -> None:
    user = choose_user(tmp_path / "cluster", programs)
    assert pwd.getpwuid(user.uid).pw_name in {"postgres", "nobody"}
    assert user.capabilities == 0


@needs_root
def test_a_database_stays_with_its_owner(tmp_path: Path, programs: Path) -> None:
    cluster = tmp_path / "cluster"
    cluster.mkdir()
    os.chown(cluster, 65534, 65534)
    assert choose_user(cluster, programs).uid == 65534


@needs_root
def test_a_closed_folder_on_the_way_costs_one_capability(tmp_path: Path, programs: Path) -> None:
    programs.parent.chmod(0o700)
    assert choose_user(tmp_path / "cluster", programs).capabilities in {READ_SEARCH, OVERRIDE}


@needs_root
def test_programs_that_others_may_not_run_cost_another(tmp_path: Path, programs: Path) -> None:
    (programs / "postgres").chmod(stat.S_IRWXU)
    assert choose_user(tmp_path / "cluster", programs).capabilities == OVERRIDE
