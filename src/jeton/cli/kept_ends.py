"""Kept ends: a file with ends of chains from earlier, which the chains of today have to pass through."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import msgspec

from jeton.errors import InvalidInputError

EXIT_UNSOUND = 1
KEPT_BYTES_MAX = 1 << 28


class KeptEndsError(InvalidInputError):
    """A file of ``--expect`` that holds no ends of chains."""

    code = "invalid_kept_ends"

    def __init__(self, path: Path, problem: str) -> None:
        """Name the file, and how one is made."""
        super().__init__(
            f"{path} holds no ends of chains ({problem}): keep the output of jeton ledger verify --json."
        )


End = Annotated[str, msgspec.Meta(pattern=r"^(0:|[1-9][0-9]*:[0-9a-f]{64})$")]


class KeptEnds(msgspec.Struct):
    """Ends of chains that were kept, by organization: of the journal and of the audit log."""

    chains: dict[str, End] | None = None
    audit_chains: dict[UUID, End] | None = None

    @property
    def named_audit_chains(self) -> dict[str, str]:
        """Those of the audit log by the text of their ids."""
        return {str(one): end for one, end in (self.audit_chains or {}).items()}


def read_kept(path: Path) -> KeptEnds:
    """The ends that were kept in a file; raises KeptEndsError."""
    try:
        with path.open("rb") as file:
            content = file.read(KEPT_BYTES_MAX + 1)
        if len(content) > KEPT_BYTES_MAX:
            raise KeptEndsError(path, f"it is larger than {KEPT_BYTES_MAX} bytes")
        kept = msgspec.json.decode(content, type=KeptEnds)
    except OSError as error:
        raise KeptEndsError(path, error.strerror or str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise KeptEndsError(path, str(error)) from None
    if kept.chains is None and kept.audit_chains is None:
        raise KeptEndsError(path, "it names no chain")
    return kept
