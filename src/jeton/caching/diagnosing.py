"""Diagnosing: what broke a hit, found by comparing a request with the one that it follows. Pure.

Source: claude-api section 3, item 14.
"""

from jeton.caching.chain import Chain, Trace
from jeton.caching.words import Miss, MissReason, Scope


def find_miss(
    earlier: Trace | None, chain: Chain, scope: Scope, *, read_tokens: int, total: int
) -> Miss | None:
    """The miss of a request of ``total`` input tokens that read ``read_tokens``; None if it missed nothing.

    Missed is what ``earlier`` had cached and this request did not read, as far as it is long enough.
    """
    reason = find_reason(earlier, chain, scope)
    if earlier is None:
        return Miss(reason)
    missed_tokens = min(earlier.cached_tokens, total) - read_tokens
    return Miss(reason, missed_tokens) if missed_tokens > 0 else None


def find_reason(earlier: Trace | None, chain: Chain, scope: Scope) -> MissReason:
    """Why a request does not read what ``earlier`` cached; None means that nobody knows of that one.

    ``unavailable`` says that nothing has changed: the lifetime is over, or too much lies between.
    """
    if earlier is None:
        return "previous_message_not_found"
    if earlier.model != scope.model:
        return "model_changed"
    if earlier.tools != chain.tools:
        return "tools_changed"
    if earlier.system != chain.system:
        return "system_changed"
    here = chain.names.get(earlier.blocks - 1, chain.system if not earlier.blocks else b"")
    return "unavailable" if here == earlier.messages else "messages_changed"
