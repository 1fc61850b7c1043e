"""Tally: one request's prompt-cache account, from its look to the usage that its client sees.

The upstream's own numbers stay in the usage object under ``jeton_prompt_cache``, with what broke a hit:
so they are stored with the charge.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from jeton.caching.deciding import find_cacheable, find_levels, scale, split
from jeton.caching.diagnosing import find_miss
from jeton.caching.models import minimum_tokens
from jeton.caching.shared.account import Account, Look
from jeton.caching.words import Levels, Miss, Split
from jeton.upstreams.caching.rewriting import Carrier, Fields
from jeton.usage import COUNT_MAX

FIELD = "jeton_prompt_cache"
_COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_NOTHING = Levels(0, 0, 0)
_COUNT = msgspec.json.Decoder(int | None)
_ZERO = b"0"


class Tally:
    """What is known of one request's account; begun when its answer begins."""

    def __init__(
        self, account: Account, look: Look, counted: Mapping[int, int], *, whole: int, request_id: str = ""
    ) -> None:
        """``counted`` are tokens of the prefixes that matter, by length; ``whole`` of the whole prompt."""
        self._request_id = request_id
        self._account = account
        self._look = look
        self._counted = {**counted, 0: 0, len(look.plan.layout.blocks): whole}
        self._whole = whole
        self._levels = _NOTHING
        self._miss: Miss | None = None
        self._has_begun = False

    async def begin(self, carrier: Carrier) -> None:
        """Write what the request caches; what cannot be written is not billed as written."""
        self._has_begun = True
        look = self._look
        plan = look.plan
        if look.is_away:
            if plan.layout.previous_message_id is not None:
                self._miss = Miss("unavailable")
            return
        by_position = {mark.position: self._counted[mark.position + 1] for mark in plan.breakpoints}
        cacheable = find_cacheable(plan.breakpoints, by_position, minimum_tokens(plan.scope.model))
        levels = find_levels(look.hit, cacheable)
        total = find_total(carrier.usage) or self._whole
        cached_tokens = self._scale(levels.write_5m, total)
        is_kept = await self._account.begin(
            look,
            cacheable,
            message_id=carrier.message_id,
            cached_tokens=cached_tokens,
            request_id=self._request_id,
        )
        self._levels = levels if is_kept else Levels(levels.read, levels.read, levels.read)
        if plan.layout.previous_message_id is not None:
            read_tokens = self._scale(levels.read, total)
            self._miss = find_miss(look.earlier, look.chain, plan.scope, read_tokens=read_tokens, total=total)

    def change(self, carrier: Carrier) -> None:
        """Put the account into the usage, and what broke a hit into a message that asks for it."""
        if self._look.plan.layout.wants_diagnosis and carrier.message_id:
            reason = None if self._miss is None else _render_miss(self._miss)
            carrier.message["diagnostics"] = _raw({"cache_miss_reason": reason})
        total = find_total(carrier.usage)
        if total:
            parts = split(total, self._levels, self._counted, whole=self._whole)
            earlier = self._look.earlier
            previous_id = earlier.request_id if self._miss is not None and earlier is not None else ""
            put_split(
                carrier.usage, parts, self._miss, family=find_family(self._look), previous_id=previous_id
            )

    def _scale(self, length: int, total: int) -> int:
        return scale(length, total, counted=self._counted, whole=self._whole)


def find_family(look: Look) -> str:
    """The name of what a prompt begins with, its tools and its system, in hex; "" where it has neither."""
    is_plain = all(block.section == "messages" for block in look.plan.layout.blocks)
    return "" if is_plain else look.chain.system.hex()


def put_split(
    usage: Fields, parts: Split, miss: Miss | None = None, *, family: str = "", previous_id: str = ""
) -> None:
    """Replace the counts of the prompt by ``parts``, and keep what was reported.

    ``family`` and ``previous_id``, the request that was to be read from, are kept where they are known.
    """
    reported = {name: usage.get(name, msgspec.Raw(_ZERO)) for name in _COUNTS}
    kept: dict[str, Any] = {"reported": reported}
    if miss is not None:
        kept["miss"] = _render_miss(miss)
    if family:
        kept["family"] = family
    if previous_id:
        kept["previous_request_id"] = previous_id
    five_minutes, one_hour = parts.cache_creation_5m_input_tokens, parts.cache_creation_1h_input_tokens
    usage["input_tokens"] = _raw(parts.input_tokens)
    usage["cache_creation_input_tokens"] = _raw(five_minutes + one_hour)
    usage["cache_read_input_tokens"] = _raw(parts.cache_read_input_tokens)
    usage["cache_creation"] = _raw(
        {"ephemeral_5m_input_tokens": five_minutes, "ephemeral_1h_input_tokens": one_hour}
    )
    usage[FIELD] = _raw(kept)


def find_total(usage: Fields) -> int | None:
    """The input tokens that a usage object reports, cached ones included; None if it is not to be read."""
    if "input_tokens" not in usage:
        return None
    try:
        counts = [_COUNT.decode(usage[name]) or 0 for name in _COUNTS if name in usage]
    except msgspec.DecodeError:
        return None
    return sum(counts) if all(0 <= count <= COUNT_MAX for count in counts) else None


def _render_miss(miss: Miss) -> dict[str, object]:
    if miss.missed_input_tokens is None:
        return {"type": miss.type}
    return {"type": miss.type, "cache_missed_input_tokens": miss.missed_input_tokens}


def _raw(content: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(content))
