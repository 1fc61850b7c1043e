"""Bound: the most a request could cost, which is what its hold takes.

Input at its dearest admissible bucket, ``max_tokens`` of output, and every search the request
allows; at the price band that costs most. It is never below the charge, so that settled + held
never passes what is funded (P1).
"""

from typing import Literal

import msgspec

from jeton.charging.errors import UnboundedRequestError
from jeton.pricing.book import PriceVersion
from jeton.pricing.rating import Conditions, ceiling
from jeton.upstreams.interface import MessagesRequest

WEB_SEARCHES_MAX = 1_000

# A JSON key may be written with escapes: \u005f is "_" and \u006x, \u007x are the letters of
# "cache_control" and "h"; \u0031 is "1". A body that holds such escapes is taken to ask for anything.
_ESCAPE = b"\\u00"
_ESCAPES = (b"\\u0031", b"\\u005", b"\\u006", b"\\u007")


class _Tool(msgspec.Struct):
    type: str = "custom"
    max_uses: int | None = None


def bound(
    prompt_tokens: int,
    request: MessagesRequest,
    *,
    version: PriceVersion,
    conditions: Conditions,
    body: bytes,
) -> int:
    """The bound in nano for a prompt of at most ``prompt_tokens``; ``body`` is the request's bytes.

    Raises UnboundedRequestError when a tool may search the web without limit.
    """
    searches = _searches(request)
    return ceiling(
        version,
        conditions,
        # After each search the model reads the whole prompt again, results included.
        prompt_tokens=prompt_tokens * (searches + 1),
        output_tokens=request.max_tokens,
        web_searches=searches,
        cache_write=_cache_write(body),
    )


def may_write_cache(body: bytes) -> bool:
    """Whether a body may have cache breakpoints."""
    return _cache_write(body) is not None


def _cache_write(body: bytes) -> Literal["5m", "1h"] | None:
    """The dearest way in which this body may ask to write the cache; None if it cannot."""
    if _ESCAPE in body and any(escape in body for escape in _ESCAPES):
        return "1h"
    if b"cache_control" not in body:
        return None
    return "1h" if b'"1h"' in body else "5m"


def _searches(request: MessagesRequest) -> int:
    searches = 0
    for raw in request.tools or ():
        try:
            tool = msgspec.json.decode(raw, type=_Tool)
        except msgspec.ValidationError:
            continue
        if tool.type.startswith("web_search"):
            if tool.max_uses is None or not 0 <= tool.max_uses <= WEB_SEARCHES_MAX:
                raise UnboundedRequestError(WEB_SEARCHES_MAX)
            searches += tool.max_uses
    return searches
