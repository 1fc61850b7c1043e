"""Breaks: what broke a prompt-cache hit, and what that cost. Pure: from stored facts alone.

The cost is what was charged, less what the same request comes to had it read what it missed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from jeton.caching.deciding import move_to_read
from jeton.caching.words import MissReason, Split
from jeton.pricing.book import PriceVersion
from jeton.pricing.rating import Conditions, rate
from jeton.usage import Usage

REASON_SENTENCES: Mapping[MissReason, str] = MappingProxyType(
    {
        "model_changed": "The model is another one than that of the message before.",
        "tools_changed": "The tools are not those of the message before.",
        "system_changed": "The system prompt, or a setting that belongs to it, was changed.",
        "messages_changed": "An earlier message, or a setting that belongs to the messages, was changed.",
        "previous_message_not_found": "The message before is not known, or not any more.",
        "unavailable": "Nothing was changed: what was cached had expired, or lay too far back.",
    }
)


REMEDIES: Mapping[MissReason, str] = MappingProxyType(
    {
        "model_changed": "Stay with one model in a conversation.",
        "tools_changed": "Send the same tools in the same order each time.",
        "system_changed": "Put what changes (a date, a name) after the system prompt's mark.",
        "messages_changed": "Only append to a conversation; leave what was said as it was.",
        "previous_message_not_found": "Name the last message within the hour.",
        "unavailable": "Write for an hour, or ask again within five minutes.",
    }
)


@dataclass(frozen=True, slots=True)
class CacheBreak:
    """Why a request did not read what was cached; ``missed_tokens`` and ``cost_nano`` None if unknown.

    ``previous_request_id`` is the request from which this one diverges, if it is known.
    """

    reason: MissReason
    missed_tokens: int | None
    cost_nano: int | None
    previous_request_id: str | None = None

    @property
    def sentence(self) -> str:
        """The reason as said to people."""
        return REASON_SENTENCES[self.reason]

    @property
    def remedy(self) -> str:
        """What keeps it from happening again."""
        return REMEDIES[self.reason]


class _Miss(msgspec.Struct):
    type: MissReason
    cache_missed_input_tokens: int | None = None


class _Account(msgspec.Struct):
    miss: _Miss | None = None
    previous_request_id: str | None = None


class _Reported(msgspec.Struct):
    jeton_prompt_cache: _Account | None = None


def find_cache_break(
    reported: object, usage: Usage, version: PriceVersion, *, conditions: Conditions
) -> CacheBreak | None:
    """What broke a hit of a priced request; None if nothing did, or nobody asked what did."""
    try:
        account = msgspec.convert(reported, _Reported).jeton_prompt_cache
    except msgspec.ValidationError:
        return None
    if account is None or account.miss is None:
        return None
    miss = account.miss
    missed = miss.cache_missed_input_tokens
    if missed is None or missed < 0:
        return CacheBreak(miss.type, None, None, account.previous_request_id)
    cost_nano = (
        rate(usage, version, conditions).net_nano
        - rate(_as_if_read(usage, missed), version, conditions).net_nano
    )
    return CacheBreak(miss.type, missed, cost_nano, account.previous_request_id)


def _as_if_read(usage: Usage, missed: int) -> Usage:
    parts = Split(
        usage.input_tokens,
        usage.cache_creation_5m_input_tokens,
        usage.cache_creation_1h_input_tokens,
        usage.cache_read_input_tokens,
    )
    read = move_to_read(parts, missed)
    return Usage(
        read.input_tokens,
        read.cache_creation_5m_input_tokens,
        read.cache_creation_1h_input_tokens,
        read.cache_read_input_tokens,
        usage.output_tokens,
        usage.web_search_requests,
    )
