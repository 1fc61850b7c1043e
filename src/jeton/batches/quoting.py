"""Quoting: what requests could come to as a batch, worked out before anything of it is sent or held.

Owns the reading of a file of requests, with the place of each, so that what is wrong is said of its line.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Protocol

import msgspec

from jeton.batches.errors import DuplicateItemError, InvalidBatchError
from jeton.batches.items import BatchHead, Problem, parse_element
from jeton.errors import JetonError
from jeton.money import NANO_PER_USD, render_exact, render_usd

# Of wrong lines so many are named at once; who mends them asks again.
WRONG_MAX = 20
# So many bytes of requests are counted for what is expected; beyond them it is what they have at most.
COUNTED_BYTES_MAX = 8_388_608


class Quoted(msgspec.Struct, frozen=True):
    """The most that a request can come to (nano), and the tokens that this is for; and what is expected.

    ``expected_nano`` is ``batch_nano`` with as many prompt tokens as are counted or estimated, so never more.

    ``batch_nano`` is in a batch, ``prompt_nano`` of that for its prompt, ``standard_nano`` by itself.
    ``cached_nano`` is in a batch if the whole of a prompt with cache breakpoints is read from the cache;
    without breakpoints it is ``batch_nano``.
    """

    model: str
    price_version_id: str
    batch_nano: int
    prompt_nano: int
    standard_nano: int
    cached_nano: int
    prompt_tokens: int
    output_tokens: int
    has_breakpoints: bool
    expected_tokens: int
    expected_nano: int


class QuotedRate(msgspec.Struct, frozen=True):
    """What a million tokens of one class cost (nano): by themselves, and in a batch."""

    bucket: str
    standard_rate: Fraction
    batch_rate: Fraction


class Quoter(Protocol):
    """Who knows the Messages API, the models served here and their prices."""

    def quote(self, params: bytes, head: BatchHead, *, at: datetime, is_counted: bool = True) -> Quoted:
        """Check a request and bound its cost; raises JetonError with the reason why it cannot run.

        ``is_counted``: what is expected is counted or estimated, which takes longer; else it is the bound.
        """
        ...

    def list_rates(self, model: str, head: BatchHead, *, at: datetime) -> tuple[QuotedRate, ...]:
        """What tokens of a model that was quoted cost, with the discounts of batch and cache stacked."""
        ...

    def describe(self, error: Exception) -> Problem:
        """An error as the Messages API names it."""
        ...


@dataclass(frozen=True, slots=True)
class QuotedModel:
    """Requests to one model, and the most that they can come to; amounts and tokens as in ``Quoted``."""

    model: str
    price_version_id: str
    requests: int = 0
    with_breakpoints: int = 0
    batch_nano: int = 0
    prompt_nano: int = 0
    standard_nano: int = 0
    cached_nano: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    expected_tokens: int = 0
    expected_nano: int = 0
    rates: tuple[QuotedRate, ...] = ()


@dataclass(frozen=True, slots=True)
class QuotedProblem:
    """Requests that could not run, for one reason; nothing is held or charged for them."""

    type: str
    requests: int
    first_place: str
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

    @property
    def cached_nano(self) -> int:
        """The same batch with every prompt that has breakpoints read from the cache."""
        return sum(one.cached_nano for one in self.models)

    @property
    def with_breakpoints(self) -> int:
        """How many requests have cache breakpoints."""
        return sum(one.with_breakpoints for one in self.models)

    @property
    def prompt_tokens(self) -> int:
        """The most tokens that the prompts have."""
        return sum(one.prompt_tokens for one in self.models)

    @property
    def expected_tokens(self) -> int:
        """About how many tokens the prompts have; never more than ``prompt_tokens``."""
        return sum(one.expected_tokens for one in self.models)

    @property
    def expected_nano(self) -> int:
        """What it comes to with them, and answers as long as they may be; never more than ``batch_nano``."""
        return sum(one.expected_nano for one in self.models)

    @property
    def output_tokens(self) -> int:
        """The most tokens that the answers can have."""
        return sum(one.output_tokens for one in self.models)


@dataclass(frozen=True, slots=True)
class Element:
    """A request as it was written, and where: ``line 7``, or ``requests.6`` of a body."""

    place: str
    content: bytes


@dataclass(frozen=True, slots=True)
class WrongElement:
    """A request that makes the whole file no batch, and why."""

    place: str
    sentence: str


class Quoting:
    """A quote in the making: ``add`` every request, then ``finish``."""

    def __init__(self, quoter: Quoter, head: BatchHead, *, at: datetime) -> None:
        """At the prices and terms of an instant, for the organization of ``head``."""
        self._quoter = quoter
        self._head = head
        self._at = at
        self._models: dict[str, QuotedModel] = {}
        self._problems: dict[str, QuotedProblem] = {}
        self._custom_ids: set[str] = set()
        self._counted_bytes = 0

    def add(self, element: bytes, place: str = "") -> None:
        """Count one in; InvalidBatchError and DuplicateItemError for what makes the whole no batch.

        Some tens of microseconds each, and more to count its prompt: call it for many in a thread.
        """
        index = len(self._custom_ids)
        item = parse_element(element, index)
        if item.custom_id in self._custom_ids:
            raise DuplicateItemError(item.custom_id, index)
        self._custom_ids.add(item.custom_id)
        params = bytes(item.params)
        self._counted_bytes += len(params)
        is_counted = self._counted_bytes <= COUNTED_BYTES_MAX
        try:
            quoted = self._quoter.quote(params, self._head, at=self._at, is_counted=is_counted)
        except JetonError as error:
            self._count_problem(self._quoter.describe(error), place or f"requests.{index}", item.custom_id)
        else:
            self._count_model(quoted)

    def finish(self) -> BatchQuote:
        """The quote; InvalidBatchError without a request."""
        if not self._custom_ids:
            raise InvalidBatchError("requests: at least one request is required")
        models = [
            replace(one, rates=self._quoter.list_rates(one.model, self._head, at=self._at))
            for one in self._models.values()
        ]
        return BatchQuote(tuple(models), tuple(self._problems.values()))

    def _count_model(self, quoted: Quoted) -> None:
        before = self._models.get(quoted.model) or QuotedModel(quoted.model, quoted.price_version_id)
        self._models[quoted.model] = QuotedModel(
            quoted.model,
            quoted.price_version_id,
            requests=before.requests + 1,
            with_breakpoints=before.with_breakpoints + quoted.has_breakpoints,
            batch_nano=before.batch_nano + quoted.batch_nano,
            prompt_nano=before.prompt_nano + quoted.prompt_nano,
            standard_nano=before.standard_nano + quoted.standard_nano,
            cached_nano=before.cached_nano + quoted.cached_nano,
            prompt_tokens=before.prompt_tokens + quoted.prompt_tokens,
            output_tokens=before.output_tokens + quoted.output_tokens,
            expected_tokens=before.expected_tokens + quoted.expected_tokens,
            expected_nano=before.expected_nano + quoted.expected_nano,
        )

    def _count_problem(self, problem: Problem, place: str, custom_id: str) -> None:
        before = self._problems.get(problem.type) or QuotedProblem(
            problem.type, 0, place, custom_id, problem.message
        )
        self._problems[problem.type] = QuotedProblem(
            problem.type,
            before.requests + 1,
            before.first_place,
            before.first_custom_id,
            before.first_message,
        )


def split_elements(text: bytes) -> list[Element]:
    """Requests as a file has them: a line each, or the body of a batch as a whole."""
    stripped = text.strip()
    try:
        requests = msgspec.json.decode(stripped, type=_Body).requests
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Several lines are no JSON, and one line is no body: what is wrong with a line is said of the line.
        lines = text.splitlines()
        return [Element(f"line {no}", line.strip()) for no, line in enumerate(lines, 1) if line.strip()]
    return [Element(f"requests.{index}", bytes(one)) for index, one in enumerate(requests)]


def find_wrong(elements: Iterable[Element]) -> list[WrongElement]:
    """The first requests that make the whole no batch: unreadable, without a custom_id, or with one twice."""
    wrong, places = list[WrongElement](), dict[str, str]()
    for element in elements:
        try:
            custom_id = parse_element(element.content, 0).custom_id
        except InvalidBatchError as error:
            wrong.append(WrongElement(element.place, str(error).removeprefix("requests.0").lstrip(":. ")))
        else:
            if custom_id in places:
                sentence = f"custom_id: {custom_id} is there already, at {places[custom_id]}"
                wrong.append(WrongElement(element.place, sentence))
            places.setdefault(custom_id, element.place)
        if len(wrong) == WRONG_MAX:
            break
    return wrong


def render_quote(found: BatchQuote) -> dict[str, object]:
    """A quote as JSON; amounts and tokens are the most that it can come to, and what is expected."""
    return {
        "requests": found.requests,
        "prompt_tokens_expected": found.expected_tokens,
        "prompt_tokens_max": found.prompt_tokens,
        "output_tokens_max": found.output_tokens,
        "requests_with_cache_breakpoints": found.with_breakpoints,
        **_render_amounts(found),
        "by_model": [
            {
                "model": one.model,
                "price_version": one.price_version_id,
                "requests": one.requests,
                "prompt_tokens_expected": one.expected_tokens,
                "prompt_tokens_max": one.prompt_tokens,
                "output_tokens_max": one.output_tokens,
                "requests_with_cache_breakpoints": one.with_breakpoints,
                **_render_amounts(one),
                "rates_per_mtok": _render_rates(one.rates),
            }
            for one in found.models
        ],
        "problems": [
            {
                "type": one.type,
                "requests": one.requests,
                "first_place": one.first_place,
                "first_custom_id": one.first_custom_id,
                "first_message": one.first_message,
            }
            for one in found.problems
        ],
    }


def _render_amounts(found: BatchQuote | QuotedModel) -> dict[str, str]:
    return {
        "batch_amount_expected": render_usd(found.expected_nano),
        "batch_amount_max": render_usd(found.batch_nano),
        "prompt_amount_max": render_usd(found.prompt_nano),
        "cached_amount_max": render_usd(found.cached_nano),
        "standard_amount_max": render_usd(found.standard_nano),
    }


def _render_rates(rates: Sequence[QuotedRate]) -> dict[str, dict[str, str]]:
    return {
        one.bucket: {
            "standard": render_exact(one.standard_rate / NANO_PER_USD),
            "batch": render_exact(one.batch_rate / NANO_PER_USD),
        }
        for one in rates
    }


class _Body(msgspec.Struct):
    requests: list[msgspec.Raw]
