"""Which operating system user PostgreSQL runs as, and what lets that user reach its files.

PostgreSQL refuses to run as root. An ordinary user runs it as themselves; root hands it to the
owner of an existing database, else to the first of ``SERVER_USERS`` that the machine has.
"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from jeton.db.errors import DatabaseStartError

SERVER_USERS = ("postgres", "nobody")

_CAP_DAC_OVERRIDE = 1 << 1
_CAP_DAC_READ_SEARCH = 1 << 2


@dataclass(frozen=True, slots=True)
class ServerUser:
    """A user and group; both 0 mean "as we are". ``capabilities`` as in launching.py."""

    uid: int
    gid: int
    capabilities: int = 0


def choose_user(cluster: Path, programs: Path) -> ServerUser:
    """The user for the database in ``cluster`` with the binaries in ``programs``.

    Raises DatabaseStartError when an ordinary user meets somebody else's database, or when root
    has nobody to hand it to.
    """
    owner = cluster.stat().st_uid if cluster.exists() else None
    if os.geteuid() != 0:
        if owner not in {None, os.geteuid()}:
            raise DatabaseStartError(
                f"The database in {cluster} belongs to the user {_render_user(owner)}: "
                "run Jeton as root or as that user, or choose another place with --data-dir."
            )
        return ServerUser(0, 0)
    entry = _find_entry(owner)
    return ServerUser(entry.pw_uid, entry.pw_gid, _needed_capabilities(entry, cluster, programs))


def _find_entry(owner: int | None) -> pwd.struct_passwd:
    if owner:
        try:
            return pwd.getpwuid(owner)
        except KeyError:
            return pwd.struct_passwd(("", "", owner, owner, "", "/", ""))
    for name in SERVER_USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DatabaseStartError(
        f"PostgreSQL refuses to run as root and none of the users {', '.join(SERVER_USERS)} exists: "
        "run Jeton as an ordinary user, or give a database with --database-url."
    )


def _needed_capabilities(entry: pwd.struct_passwd, cluster: Path, programs: Path) -> int:
    """What the user must keep of root's rights to get at the files; 0 where the way is open.

    Seen in the wild: a clone under /root (mode 700), and an environment made with umask 077,
    where even the programs are not executable for others.
    """
    server = programs / "postgres"
    may_run = _has_bit(server.stat(), entry, stat.S_IXUSR)
    ways = (server.resolve(), programs.parent.resolve() / "lib" / "x", cluster.resolve())
    folders = {folder for way in ways for folder in way.parents if folder.exists()}
    if may_run and all(_has_bit(folder.stat(), entry, stat.S_IXUSR) for folder in folders):
        return 0
    held = _held_capabilities()
    if may_run and held & _CAP_DAC_READ_SEARCH:
        return _CAP_DAC_READ_SEARCH
    if held & _CAP_DAC_OVERRIDE:
        return _CAP_DAC_OVERRIDE
    raise DatabaseStartError(
        f"The user {_render_user(entry.pw_uid)}, who must run PostgreSQL for root, cannot reach {programs} "
        f"and {cluster.parent}: put them where everybody may pass, or run Jeton as an ordinary user."
    )


def _has_bit(status: os.stat_result, entry: pwd.struct_passwd, owner_bit: int) -> bool:
    if status.st_uid == entry.pw_uid:
        return bool(status.st_mode & owner_bit)
    if status.st_gid == entry.pw_gid:
        return bool(status.st_mode & owner_bit >> 3)
    return bool(status.st_mode & owner_bit >> 6)


def _held_capabilities() -> int:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)


def _render_user(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid or 0).pw_name
    except KeyError:
        return str(uid)
