"""Bodies: a file of requests, a line each, as the body of a batch, never all of it in memory."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from jeton.errors import InvalidInputError

BLOCK_BYTES = 65_536


class RequestsFileError(InvalidInputError):
    """A file that no batch can be made of."""

    code = "requests_file"


def read_body(path: Path, on_progress: Callable[[int], None]) -> Iterator[bytes]:
    """The body made of a file; ``-`` is the standard input. Raises RequestsFileError.

    ``.json`` holds the body as it is; everything else a request a line, each with custom_id and params.
    """
    if str(path) == "-":
        yield from _join_lines(sys.stdin.buffer, on_progress)
        return
    try:
        with path.open("rb") as file:
            if path.suffix == ".json":
                while block := file.read(BLOCK_BYTES):
                    on_progress(len(block))
                    yield block
            else:
                yield from _join_lines(file, on_progress)
    except OSError as error:
        raise RequestsFileError(f"{path} cannot be read: {error.strerror}.") from None


def _join_lines(file: BinaryIO, on_progress: Callable[[int], None]) -> Iterator[bytes]:
    block = bytearray(b'{"requests":[')
    is_first = True
    for line in file:
        on_progress(len(line))
        if not line.strip():
            continue
        block += (b"" if is_first else b",") + line.strip()
        is_first = False
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    yield bytes(block + b"]}")
