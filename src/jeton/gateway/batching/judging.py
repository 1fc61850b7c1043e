"""Judging: an item of a batch as the Messages API sees it: may it run, what may it cost, what came of it.

The same parser, bound and settlement as for a request by itself; only the tier is that of batches.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from jeton import clock
from jeton.batches.items import BatchHead, Problem
from jeton.batches.ports import Answered, Bounded, ItemAsk
from jeton.batches.quoting import Quoted, QuotedRate
from jeton.caching.plan import make_plan
from jeton.caching.words import Scope
from jeton.charging.agreeing.book import TermsBook
from jeton.charging.bound import bound, may_write_cache
from jeton.charging.words import Metered, Rule
from jeton.errors import JetonError, UpstreamError
from jeton.gateway.catalog import Catalog
from jeton.gateway.envelope import TYPES_BY_STATUS, classify, find_reason
from jeton.gateway.errors import (
    InvalidRequestError,
    ModelNotAllowedError,
    UpstreamAnswerError,
    UpstreamDeniedError,
)
from jeton.gateway.labelling.reading import KEPT, Labelling, read_end_user
from jeton.gateway.parsing import parse_messages, require_fitting
from jeton.gateway.settlement import Ending, end_of_answer
from jeton.money import divide_half_even
from jeton.pricing.book import PriceVersion
from jeton.pricing.errors import FastBatchError, NotPricedError
from jeton.pricing.rating import Conditions, require_priced, stacks_of
from jeton.pricing.terms import Terms, agree
from jeton.tokens.bound import bound_prompt
from jeton.tokens.counter.counting import Counter
from jeton.upstreams.interface import Answer, Ask, MessagesRequest
from jeton.usage import Bucket

TIER: Literal["batch"] = "batch"
# Classes of tokens whose prices stand beside a quote.
QUOTED_BUCKETS = (
    Bucket.INPUT,
    Bucket.CACHE_WRITE_5M,
    Bucket.CACHE_WRITE_1H,
    Bucket.CACHE_READ,
    Bucket.OUTPUT,
)
ANSWER_BYTES_MAX = 67_108_864
# What belongs to a request by itself and not to one of thousands (claude-api section 4).
UNBATCHABLE = ("store", "previous_thread_event_id", "cache_hint", "context_hint", "research_preview_2026_02")
_UNBATCHABLE = tuple((name, f'"{name}"'.encode()) for name in UNBATCHABLE)
_OK, _SERVER_ERROR = 200, 500
# A moment later the same may succeed.
_RETRIED = frozenset({408, 409, 429})
_ABOUT_THE_OPERATOR = frozenset({401, 402, 403})

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class ItemJudge:
    """Knows the Messages API for batches."""

    def __init__(
        self,
        catalog: Catalog,
        terms: TermsBook | None = None,
        *,
        labelling: Labelling = KEPT,
        counter: Counter | None = None,
    ) -> None:
        """``catalog`` knows the models that are served and their prices, ``terms`` who pays others.

        ``counter`` says what is expected of a quote; without one that is the bound.
        """
        self._counter = counter
        self._catalog = catalog
        self._labelling = labelling
        self._terms = terms or TermsBook()

    def bound(self, params: bytes, head: BatchHead, *, at: datetime) -> Bounded:
        """Check an item and bound its cost; raises JetonError with the reason why it cannot run."""
        request, version, terms, prompt_tokens = self._check(params, head, at)
        conditions = agree(_conditions(request), terms)
        amount_nano = bound(prompt_tokens, request, version=version, conditions=conditions, body=params)
        return Bounded(version, amount_nano, terms, read_end_user(request))

    def quote(self, params: bytes, head: BatchHead, *, at: datetime, is_counted: bool = True) -> Quoted:
        """The same, beside what it can come to by itself, what of it is for the prompt, what is expected."""
        request, version, terms, prompt_tokens = self._check(params, head, at)
        batch = agree(_conditions(request), terms)
        alone = agree(Conditions("standard", request.inference_geo or "global"), terms)
        unanswered = msgspec.structs.replace(request, max_tokens=0)
        batch_nano = bound(prompt_tokens, request, version=version, conditions=batch, body=params)
        prompt_nano = bound(prompt_tokens, unanswered, version=version, conditions=batch, body=params)
        has_breakpoints = may_write_cache(params)
        read_nano = prompt_nano
        if has_breakpoints:
            stacks = stacks_of(version, version.find_band(prompt_tokens).band_id, batch)
            up, down = stacks[Bucket.CACHE_READ].divisions[-1]
            read_nano = min(prompt_nano, divide_half_even(prompt_tokens * up, down))
        expected_tokens = prompt_tokens
        if is_counted:
            expected_tokens = min(self._count(request, version, otherwise=prompt_tokens), prompt_tokens)
        return Quoted(
            model=version.model,
            price_version_id=version.price_version_id,
            batch_nano=batch_nano,
            prompt_nano=prompt_nano,
            standard_nano=bound(prompt_tokens, request, version=version, conditions=alone, body=params),
            cached_nano=batch_nano - prompt_nano + read_nano,
            prompt_tokens=prompt_tokens,
            output_tokens=request.max_tokens,
            has_breakpoints=has_breakpoints,
            expected_tokens=expected_tokens,
            expected_nano=bound(expected_tokens, request, version=version, conditions=batch, body=params),
        )

    def _count(self, request: MessagesRequest, version: PriceVersion, *, otherwise: int) -> int:
        """The best count of a prompt here. An estimate may be wrong, so it never sizes a hold."""
        if self._counter is None:
            return otherwise
        try:
            return self._counter.count_prompt(request.prompt, version.family).value
        except RecursionError:
            raise InvalidRequestError("The request is nested too deeply.") from None

    def list_rates(self, model: str, head: BatchHead, *, at: datetime) -> tuple[QuotedRate, ...]:
        """What tokens of a model cost by themselves and in a batch, at the price of short prompts."""
        _, version = self._catalog.find(model, at)
        terms = self._terms.find(head.organization_id, version, at)
        band_id = version.bands[0].band_id
        alone = stacks_of(version, band_id, agree(Conditions("standard", "global"), terms))
        batch = stacks_of(version, band_id, agree(Conditions(TIER, "global"), terms))
        return tuple(
            QuotedRate(bucket.value, alone[bucket].rate, batch[bucket].rate) for bucket in QUOTED_BUCKETS
        )

    def _check(
        self, params: bytes, head: BatchHead, at: datetime
    ) -> tuple[MessagesRequest, PriceVersion, Terms | None, int]:
        """The item, its price and terms, and the most that its prompt can have; raises JetonError."""
        request = _parse(params, head.api_version)
        route, version = self._catalog.find(request.model, at)
        require_fitting(request, version)
        if head.models is not None and version.model not in head.models:
            raise ModelNotAllowedError(head.key_id, version.model, allowed=head.models)
        if route.keeps_cache:
            # Breakpoints that contradict a rule are refused before anything is held for them.
            make_plan(params, Scope(UUID(int=0), "", version.model))
        read_end_user(request)
        terms = self._terms.find(head.organization_id, version, at)
        require_priced(version, agree(_conditions(request), terms))
        try:
            prompt_tokens = bound_prompt(
                request.prompt,
                body_bytes=len(params),
                family=version.family,
                context_window=version.max_input_tokens,
            )
        except msgspec.ValidationError as error:
            raise InvalidRequestError(f"messages: {error}") from None
        except RecursionError:
            raise InvalidRequestError("The request is nested too deeply.") from None
        return request, version, terms, prompt_tokens

    def prepare(
        self,
        params: bytes,
        head: BatchHead,
        *,
        request_id: str,
        version: PriceVersion,
        terms: Terms | None = None,
    ) -> ItemAsk:
        """Make an item ready to be asked, priced as it was held; raises JetonError."""
        request = _parse(params, head.api_version)
        route, _ = self._catalog.find(request.model, clock.now())
        headers = {"anthropic-version": head.api_version}
        if head.beta:
            headers["anthropic-beta"] = head.beta
        return ItemAsk(
            head=head,
            request_id=request_id,
            request=request,
            body=params,
            headers=headers,
            upstream=route.upstream.name,
            is_rehearsal=route.is_rehearsal,
            version=version,
            asked=agree(_conditions(request), terms),
            end_user=self._labelling.name(read_end_user(request), head.organization_id),
        )

    async def ask(self, ask: ItemAsk) -> Answered:
        """Ask an upstream once; what it failed in is the item's problem, and nothing is charged for it."""
        try:
            route, _ = self._catalog.find(ask.request.model, clock.now())
            scope = Scope(ask.head.organization_id, ask.head.workspace_id, ask.version.model)
            plan = make_plan(ask.body, scope) if route.keeps_cache else None
            asked = Ask(
                request_id=ask.request_id,
                request=ask.request,
                body=ask.body,
                headers=ask.headers,
                attempts=ask.attempts,
                cache=plan,
            )
            body = await _read(answer := await route.upstream.send(asked))
        except UpstreamError as error:
            return _fail(ask, error, may_retry=True)
        except JetonError as error:
            return _fail(ask, error, may_retry=False)
        if answer.status != _OK:
            return _refuse(ask, answer.status, body)
        message = mark_batch(body)
        if message is None:
            sentence = f"The upstream {ask.upstream} answered with something that is no message."
            return _fail(ask, UpstreamAnswerError(sentence), may_retry=True)
        ending = end_of_answer(body, ask.asked, version=ask.version, max_tokens=ask.request.max_tokens)
        own = _at_batch_prices(ending, ask.version)
        return Answered(ask.upstream, own, message=message, as_billed=ending)

    def describe(self, error: Exception) -> Problem:
        """An error as the Messages API names it."""
        if not isinstance(error, JetonError):
            raise error
        _, kind = classify(error, 402)
        return Problem(kind, str(error))


def mark_batch(body: bytes) -> bytes | None:
    """A message with the tier of batches in its usage; None for what is no message."""
    try:
        message = _FIELDS.decode(body)
        if bytes(message["type"]) != b'"message"':
            return None
        if "usage" in message and bytes(message["usage"]) != b"null":
            usage = _FIELDS.decode(message["usage"])
            usage["service_tier"] = msgspec.Raw(b'"batch"')
            message["usage"] = msgspec.Raw(msgspec.json.encode(usage))
        return msgspec.json.encode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError):
        return None


def _parse(params: bytes, api_version: str) -> MessagesRequest:
    request = parse_messages(params, api_version)
    if request.stream:
        raise InvalidRequestError("stream: not allowed in a batch")
    if request.max_tokens == 0:
        raise InvalidRequestError("max_tokens: must be at least 1 in a batch")
    if request.speed not in {None, "standard"}:
        raise InvalidRequestError("speed: fast mode is not available in a batch")
    if any(mark in params for _, mark in _UNBATCHABLE):
        given = _FIELDS.decode(params)
        for name in UNBATCHABLE:
            if name in given:
                raise InvalidRequestError(f"{name}: not allowed in a batch")
    return request


def _conditions(request: MessagesRequest) -> Conditions:
    return Conditions(TIER, request.inference_geo or "global")


async def _read(answer: Answer) -> bytes:
    try:
        body = await answer.read()
    finally:
        await answer.close()
    if len(body) > ANSWER_BYTES_MAX:
        raise UpstreamAnswerError(f"The upstream's answer is larger than {ANSWER_BYTES_MAX} bytes.")
    return body


def _fail(ask: ItemAsk, error: JetonError, *, may_retry: bool) -> Answered:
    _, kind = classify(error, 402)
    problem = Problem(kind, str(error))
    return Answered(ask.upstream, Rule.UPSTREAM_FAILED, problem=problem, may_retry=may_retry)


def _refuse(ask: ItemAsk, status: int, body: bytes) -> Answered:
    may_retry = status in _RETRIED or status >= _SERVER_ERROR
    if status in _ABOUT_THE_OPERATOR:
        denied = UpstreamDeniedError(ask.upstream, status)
        return Answered(
            ask.upstream, Rule.UPSTREAM_REFUSED, problem=Problem("api_error", str(denied)), may_retry=False
        )
    reason = find_reason(body)
    if reason is not None:
        problem = Problem(reason.type, reason.message)
    else:
        kind = TYPES_BY_STATUS.get(
            status, "api_error" if status >= _SERVER_ERROR else "invalid_request_error"
        )
        problem = Problem(kind, f"The upstream answered with status {status}.")
    return Answered(ask.upstream, Rule.UPSTREAM_REFUSED, problem=problem, may_retry=may_retry)


def _at_batch_prices(ending: Ending, version: PriceVersion) -> Ending:
    """The ending under the tier that was asked for: an upstream need not know that it serves a batch."""
    if isinstance(ending, Rule) or ending.usage is None:
        return ending
    reported = ending.conditions
    conditions = Conditions(
        TIER, reported.inference_geo, reported.speed, reported.negotiated, reported.promotions
    )
    try:
        require_priced(version, conditions)
    except (NotPricedError, FastBatchError):
        # Under these conditions a batch has no price: shown, not guessed.
        return Metered(Rule.USAGE_CONTRADICTORY, None, ending.source, conditions, ending.reported)
    return Metered(ending.rule, ending.usage, ending.source, conditions, ending.reported)
