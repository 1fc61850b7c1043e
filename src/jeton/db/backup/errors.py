"""What can go wrong with a backup, each as a finished sentence.

JetonError
├── BackupWriteError           the file could not be made
└── RestoreUnsoundError        what was restored does not prove
InvalidInputError
└── BackupDamagedError         not a backup, or not a whole one
ConflictError
├── BackupExistsError          there is a file of that name already
├── BackupNewerError           made by a newer Jeton
├── DatabaseNotEmptyError      the place to restore to holds something
└── DatabaseInUseError         somebody works with the database
"""

from pathlib import Path

from jeton.errors import ConflictError, InvalidInputError, JetonError


class BackupWriteError(JetonError):
    """A backup that could not be written; nothing of it was left."""

    code = "backup_not_written"

    def __init__(self, path: Path, problem: str) -> None:
        """Name the file and what the system said."""
        super().__init__(f"The backup {path} cannot be written ({problem}); nothing was left there.")


class BackupExistsError(ConflictError):
    """A backup never takes the place of another file."""

    code = "backup_exists"

    def __init__(self, path: Path) -> None:
        """Name the file."""
        super().__init__(f"{path} exists already: choose another name, or remove it first.")


class BackupDamagedError(InvalidInputError):
    """A file that is no backup, or not a whole one; nothing was restored."""

    code = "backup_damaged"

    def __init__(self, path: Path, problem: str) -> None:
        """Name the file and what is wrong with it."""
        super().__init__(f"{path} is not a whole backup of Jeton ({problem}); nothing was restored.")


class BackupNewerError(ConflictError):
    """A backup made by a newer Jeton."""

    code = "backup_newer"

    def __init__(self, path: Path, *, found: str, known: str) -> None:
        """Name what was found in the file and what is known here."""
        super().__init__(
            f"{path} has {found}, and this Jeton knows up to {known}: "
            "restore it with the newer Jeton that made it."
        )


class DatabaseNotEmptyError(ConflictError):
    """The place to restore to holds something."""

    code = "database_not_empty"


class DatabaseInUseError(ConflictError):
    """Somebody works with the database that is to be restored."""

    code = "database_in_use"

    def __init__(self, address: str, connections: int) -> None:
        """Name the database and how many are connected."""
        super().__init__(
            f"{connections} connections of Jeton to the database at {address} are open: "
            "stop its servers first."
        )


class RestoreUnsoundError(JetonError):
    """What was restored does not prove, so it was not kept."""

    code = "restore_unsound"

    def __init__(self, findings: list[str]) -> None:
        """Tell the first finding and how many there are."""
        super().__init__(
            f"The books in the backup do not prove ({len(findings)} findings), so nothing was restored; "
            f"--unsound restores them as they are. The first: {findings[0]}"
        )
