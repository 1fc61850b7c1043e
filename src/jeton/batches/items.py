"""Items: the requests of a batch as they are stored, their ids, and the lines of their results."""

import re
import zlib
from uuid import UUID

import msgspec

from jeton.batches.errors import InvalidBatchError
from jeton.ids import new_id

BATCH_PREFIX = "msgbatch"
CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
# An item's request id is that of its batch, with its number in the last digits.
INDEX_DIGITS = 5
COMPRESSION_LEVEL = 1
NO_POOL = -1


class Problem(msgspec.Struct, frozen=True, array_like=True):
    """Why an item cannot be asked, in the words of the Messages API."""

    type: str
    message: str


class StoredItem(msgspec.Struct, frozen=True, array_like=True):
    """One request: what it asks, and what its credit is held by. One that is refused holds none."""

    custom_id: str
    params: bytes
    pool: int = NO_POOL
    bound_nano: int = 0
    problem: Problem | None = None


class RawItem(msgspec.Struct):
    """An element of ``requests``, as it comes."""

    custom_id: str
    params: msgspec.Raw


_ELEMENT = msgspec.json.Decoder(RawItem)
_CHUNK = msgspec.msgpack.Decoder(list[StoredItem])


def new_batch_id() -> str:
    """A new batch's id; its last digits are left to the numbers of its items."""
    return new_id(BATCH_PREFIX)[:-INDEX_DIGITS] + "0" * INDEX_DIGITS


def make_request_id(batch_id: str, index: int) -> str:
    """The request id of an item: the same whoever works on it and however often."""
    stem = batch_id.removeprefix(f"{BATCH_PREFIX}_")[:-INDEX_DIGITS]
    return f"req_{stem}{index:0{INDEX_DIGITS}x}"


def parse_element(element: bytes, index: int) -> RawItem:
    """One element of ``requests``; raises InvalidBatchError unless it has a custom_id and params."""
    try:
        item = _ELEMENT.decode(element)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        problem, _, field = str(error).replace("`", "").partition(" - at $")
        raise InvalidBatchError(f"requests.{index}{field}: {problem}") from None
    if not CUSTOM_ID.fullmatch(item.custom_id):
        raise InvalidBatchError(
            f"requests.{index}.custom_id: String should have 1 to 64 letters, digits, hyphens or underscores"
        )
    if not bytes(item.params).startswith(b"{"):
        raise InvalidBatchError(f"requests.{index}.params: Input should be an object")
    return item


def encode_chunk(items: list[StoredItem]) -> bytes:
    """Items as they are stored together."""
    return zlib.compress(msgspec.msgpack.encode(items), COMPRESSION_LEVEL)


def decode_chunk(stored: bytes) -> list[StoredItem]:
    """The items of a chunk."""
    return _CHUNK.decode(zlib.decompress(stored))


def render_element(custom_id: str, params: bytes) -> bytes:
    """An item as an element of ``requests``."""
    return b'{"custom_id":"%s","params":%s}' % (custom_id.encode(), params)


def render_succeeded(custom_id: str, message: bytes) -> bytes:
    """The line of an item that was answered; ``message`` is the answer's JSON."""
    return b'{"custom_id":"%s","result":{"type":"succeeded","message":%s}}\n' % (custom_id.encode(), message)


def render_errored(custom_id: str, problem: Problem, request_id: str | None) -> bytes:
    """The line of an item that failed; without a request id it was never asked."""
    error = {"type": "error", "error": {"type": problem.type, "message": problem.message}}
    result = {"type": "errored", "error": {**error, "request_id": request_id}}
    return msgspec.json.encode({"custom_id": custom_id, "result": result}) + b"\n"


def render_ended(custom_id: str, outcome: str) -> bytes:
    """The line of an item that was canceled or expired."""
    return b'{"custom_id":"%s","result":{"type":"%s"}}\n' % (custom_id.encode(), outcome.encode())


class BatchHead(msgspec.Struct, frozen=True):
    """Who a batch belongs to, and the headers its items travel with."""

    batch_id: str
    organization_id: UUID
    workspace_id: str
    key_id: str
    api_version: str
    beta: str
    tag: str = ""
    # To what its key is restricted while its items are received; None: to nothing.
    models: frozenset[str] | None = None
