"""Settlement: from what was observed of an answer to how its hold ends. Decides the contract rule.

A ``Rule`` alone releases the hold; a ``Metered`` settles it. The conditions that are billed are
the ones the upstream reports; what it does not report is billed as asked.
"""

import msgspec

from jeton.charging.words import Metered, Rule, UsageSource
from jeton.gateway.stream import StreamObserver
from jeton.metering.reported import Reported, read_reported
from jeton.pricing.book import PriceVersion
from jeton.pricing.errors import FastBatchError, NotPricedError
from jeton.pricing.rating import Conditions, require_priced
from jeton.tokens.exact import count_text
from jeton.usage import Usage

Ending = Metered | Rule


class _Answer(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw()
    stop_reason: str | None = None


class _Content(msgspec.Struct):
    content: list[msgspec.Raw] = []


_ANSWER = msgspec.json.Decoder(_Answer)
_CONTENT = msgspec.json.Decoder(_Content)


def end_of_answer(body: bytes, asked: Conditions, *, version: PriceVersion, max_tokens: int) -> Ending:
    """How the hold of a whole JSON answer ends; with ``max_tokens`` 0 no output was asked for."""
    try:
        answer = _ANSWER.decode(body)
        is_empty = answer.stop_reason == "refusal" and not _CONTENT.decode(body).content
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Metered(Rule.USAGE_MISSING, None, "upstream", asked)
    reported = read_reported(bytes(answer.usage))
    rule = Rule.COMPLETED if max_tokens else Rule.CACHE_PREWARMED
    if answer.stop_reason == "refusal":
        if is_empty or _has_no_output(reported):
            return Rule.REFUSAL_BEFORE_OUTPUT
        rule = Rule.REFUSAL_DURING_OUTPUT
    return _metered(rule, reported, asked, version)


def end_of_stream(observer: StreamObserver, asked: Conditions, version: PriceVersion) -> Ending:
    """How the hold of a stream ends that came to its ``message_stop``."""
    reported = read_reported(observer.usage)
    if observer.stop_reason != "refusal":
        return _metered(Rule.COMPLETED, reported, asked, version)
    if not observer.has_output or _has_no_output(reported):
        return Rule.REFUSAL_BEFORE_OUTPUT
    return _metered(Rule.REFUSAL_DURING_OUTPUT, reported, asked, version)


def end_of_broken_stream(
    observer: StreamObserver,
    rules: tuple[Rule, Rule],
    *,
    asked: Conditions,
    version: PriceVersion,
    is_o200k: bool,
) -> Ending:
    """How the hold of a stream ends that broke off; ``rules``: before and during the output.

    Without a ``message_start`` nothing was used. After one, the prompt is charged as reported
    and the output so far: as reported if a ``message_delta`` came, else counted in o200k. Unless
    that is the model's own vocabulary (``is_o200k``) the count is an estimate, and in the caller's
    favour: no other family makes fewer tokens of a text, or hardly ever.
    """
    before, during = rules
    if not observer.has_started:
        return before
    reported = read_reported(observer.usage)
    ending = _metered(during, reported, asked, version)
    if observer.has_delta or ending.usage is None:
        return ending
    usage = ending.usage
    source: UsageSource = "counted" if is_o200k else "estimated"
    counted = Usage(
        usage.input_tokens,
        usage.cache_creation_5m_input_tokens,
        usage.cache_creation_1h_input_tokens,
        usage.cache_read_input_tokens,
        count_text(observer.emitted_text),
        usage.web_search_requests,
    )
    return Metered(during, counted, source, ending.conditions, reported.text)


def _has_no_output(reported: Reported) -> bool:
    return reported.usage is not None and reported.usage.output_tokens == 0


def _metered(rule: Rule, reported: Reported, asked: Conditions, version: PriceVersion) -> Metered:
    if reported.usage is None:
        why = Rule.USAGE_MISSING if reported.is_missing else Rule.USAGE_CONTRADICTORY
        return Metered(why, None, "upstream", asked, reported.text)
    if _is_absurd(reported, reported.usage, version):
        # No model reads or writes more than it can: shown, and nobody's credit drained by it.
        return Metered(Rule.USAGE_CONTRADICTORY, None, "upstream", asked, reported.text)
    conditions = _billed(reported, asked)
    try:
        require_priced(version, conditions)
    except (NotPricedError, FastBatchError):
        # The upstream says it ran under conditions that have no price here: shown, not guessed.
        return Metered(Rule.USAGE_CONTRADICTORY, None, "upstream", asked, reported.text)
    return Metered(rule, reported.usage, "upstream", conditions, reported.text)


def _is_absurd(reported: Reported, usage: Usage, version: PriceVersion) -> bool:
    """Whether one step has used more than the model takes; several steps (searches, compactions) add up."""
    if usage.prompt_tokens <= version.max_input_tokens and usage.output_tokens <= version.max_output_tokens:
        return False
    has_steps = bool(usage.web_search_requests) or '"iterations"' in (reported.text or "")
    return not has_steps


def _billed(reported: Reported, asked: Conditions) -> Conditions:
    tier = reported.service_tier or asked.service_tier
    geography = reported.inference_geo or asked.inference_geo
    speed = reported.speed or asked.speed
    if (tier, geography, speed) == (asked.service_tier, asked.inference_geo, asked.speed):
        return asked
    return Conditions(tier, geography, speed, asked.negotiated, asked.promotions)
