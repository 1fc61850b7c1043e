"""What can go wrong between Jeton and its database, each as a finished sentence."""

from pathlib import Path

from jeton.errors import ConfigurationError, ConflictError, JetonError, OverloadedError


class DatabaseUnreachableError(OverloadedError):
    """No connection to PostgreSQL; nothing was read or written."""

    code = "database_unreachable"

    def __init__(self, address: str, problem: str) -> None:
        """Name the address (never the password) and what PostgreSQL or the system said."""
        super().__init__(f"The database at {address} cannot be reached: {problem}")


class DatabaseStartError(JetonError):
    """The embedded PostgreSQL could not be made or started."""

    code = "database_start_failed"


class DataDirectoryError(JetonError):
    """The data directory cannot be used."""

    code = "data_directory_unusable"


class DataDirectoryBusyError(ConflictError):
    """Another Jeton holds the data directory."""

    code = "data_directory_busy"

    def __init__(self, path: Path, holder: str) -> None:
        """Name the directory and the process that holds it."""
        who = f"process {holder}" if holder else "another process"
        super().__init__(
            f"The data directory {path} is in use by {who}: stop it, or choose another with --data-dir."
        )


class SchemaNewerError(ConflictError):
    """The database was migrated by a newer Jeton."""

    code = "schema_newer"

    def __init__(self, found: int, known: int) -> None:
        """Name both schema numbers."""
        super().__init__(
            f"The database has schema {found}, and this Jeton knows schemas up to {known}: "
            f"run the newer Jeton that made it, or restore a backup of schema {known}."
        )


class SchemaOlderError(ConflictError):
    """The database was not migrated to this Jeton's schema yet."""

    code = "schema_older"

    def __init__(self, found: int, known: int) -> None:
        """Name both schema numbers."""
        super().__init__(
            f"The database has schema {found}, and this Jeton needs schema {known}: run jeton migrate."
        )


class SchemaChangedError(ConfigurationError):
    """A migration that was applied once reads differently now."""

    code = "schema_changed"

    def __init__(self, number: int, *, applied: str, packaged: str) -> None:
        """Name the migration with both digests."""
        sentence = (
            f"Migration {number} was applied with digest {applied} and is packaged with digest {packaged}: "
            "an applied migration is never edited, add a new one instead."
        )
        super().__init__([sentence])


class OutcomeUnknownError(OverloadedError):
    """The database went away while it was committing: what was asked may or may not be written."""

    code = "outcome_unknown"
