"""Desk: what people do with batches at a page: ask what one could come to, and send again what failed."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from jeton.batches.errors import DuplicateItemError, InvalidBatchError
from jeton.batches.items import BatchHead, Problem, parse_element
from jeton.batches.retrying import forget_retry, note_retry, read_retry
from jeton.batches.uploading.uploads import Uploads
from jeton.db.pool import Pool
from jeton.errors import JetonError

QUOTED_ITEMS_MAX = 10_000
QUOTED_BYTES_MAX = 8_388_608
API_VERSION = "2023-06-01"


class Quoted(msgspec.Struct, frozen=True):
    """The most that a request can come to (nano): in a batch, of that for its prompt, and by itself."""

    model: str
    price_version_id: str
    batch_nano: int
    prompt_nano: int
    standard_nano: int


class Quoter(Protocol):
    """Who knows the Messages API, the models served here and their prices."""

    def quote(self, params: bytes, head: BatchHead, *, at: datetime) -> Quoted:
        """Check a request and bound its cost; raises JetonError with the reason why it cannot run."""
        ...

    def describe(self, error: Exception) -> Problem:
        """An error as the Messages API names it."""
        ...


@dataclass(frozen=True, slots=True)
class QuotedModel:
    """Requests to one model, and the most that they can come to; amounts as in ``Quoted``."""

    model: str
    price_version_id: str
    requests: int
    batch_nano: int
    prompt_nano: int
    standard_nano: int


@dataclass(frozen=True, slots=True)
class QuotedProblem:
    """Requests that could not run, for one reason; nothing is held or charged for them."""

    type: str
    requests: int
    first_custom_id: str
    first_message: str


@dataclass(frozen=True, slots=True)
class BatchQuote:
    """What a batch could come to, before it is sent; ``batch_nano`` is what would be held."""

    models: tuple[QuotedModel, ...]
    problems: tuple[QuotedProblem, ...]

    @property
    def requests(self) -> int:
        """All of them, also those that could not run."""
        return sum(one.requests for one in self.models) + sum(one.requests for one in self.problems)

    @property
    def batch_nano(self) -> int:
        """The most that it can come to."""
        return sum(one.batch_nano for one in self.models)

    @property
    def prompt_nano(self) -> int:
        """Of that for prompts."""
        return sum(one.prompt_nano for one in self.models)

    @property
    def standard_nano(self) -> int:
        """The same requests one by one."""
        return sum(one.standard_nano for one in self.models)


@dataclass(frozen=True, slots=True)
class BatchDesk:
    """Quotes and retries; ``wake`` says that there is a new batch."""

    pool: Pool
    uploads: Uploads
    quoter: Quoter
    wake: Callable[[], None]

    def quote(self, elements: Sequence[bytes], organization_id: UUID, *, at: datetime) -> BatchQuote:
        """What these requests could come to as a batch; nothing is kept.

        Raises InvalidBatchError and DuplicateItemError. Some tens of microseconds each: call it in a thread.
        """
        if not 0 < len(elements) <= QUOTED_ITEMS_MAX:
            raise InvalidBatchError(f"requests: a quote takes from 1 to {QUOTED_ITEMS_MAX:,} of them")
        head = BatchHead("", organization_id, "", "", API_VERSION, "")
        models, problems = dict[str, QuotedModel](), dict[str, QuotedProblem]()
        seen = set[str]()
        for index, element in enumerate(elements):
            item = parse_element(element, index)
            if item.custom_id in seen:
                raise DuplicateItemError(item.custom_id, index)
            seen.add(item.custom_id)
            try:
                quoted = self.quoter.quote(bytes(item.params), head, at=at)
            except JetonError as error:
                problem = self.quoter.describe(error)
                _count_problem(problems, problem, item.custom_id)
            else:
                _count_model(models, quoted)
        return BatchQuote(tuple(models.values()), tuple(problems.values()))

    async def retry(self, batch_id: str, *, by: str, at: datetime) -> str:
        """Send what failed of a batch again, as a new one under the same key; its id.

        Raises what ``note_retry`` and ``Uploads.receive`` raise; then it was not retried.
        """
        async with self.pool.connection() as connection:
            head = await note_retry(connection, batch_id, by=by, at=at)
        try:
            body: AsyncIterator[bytes] = read_retry(self.pool, batch_id)
            await self.uploads.receive(head, body)
        except JetonError:
            async with self.pool.connection() as connection:
                await forget_retry(connection, batch_id, head.batch_id)
            raise
        self.wake()
        return head.batch_id


def split_lines(text: bytes) -> list[bytes]:
    """Requests as a file has them: a line each, or the body of a batch as a whole; InvalidBatchError."""
    stripped = text.strip()
    try:
        return [bytes(one) for one in msgspec.json.decode(stripped, type=_Body).requests]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Several lines are no JSON, and one line is no body: what is wrong with a line is said of the line.
        pass
    return [line for line in stripped.splitlines() if line.strip()]


class _Body(msgspec.Struct):
    requests: list[msgspec.Raw]


def _count_model(models: dict[str, QuotedModel], quoted: Quoted) -> None:
    before = models.get(quoted.model) or QuotedModel(quoted.model, quoted.price_version_id, 0, 0, 0, 0)
    models[quoted.model] = QuotedModel(
        quoted.model,
        quoted.price_version_id,
        before.requests + 1,
        before.batch_nano + quoted.batch_nano,
        before.prompt_nano + quoted.prompt_nano,
        before.standard_nano + quoted.standard_nano,
    )


def _count_problem(problems: dict[str, QuotedProblem], problem: Problem, custom_id: str) -> None:
    before = problems.get(problem.type) or QuotedProblem(problem.type, 0, custom_id, problem.message)
    problems[problem.type] = QuotedProblem(
        problem.type, before.requests + 1, before.first_custom_id, before.first_message
    )
