"""Headers: how rate limits stand, in the words of the Messages API and in those of the IETF.

``anthropic-ratelimit-*`` as its clients know them; ``RateLimit`` and ``RateLimit-Policy`` as in
draft-ietf-httpapi-ratelimit-headers-11. There ``t`` is when the limit is whole again, in seconds, so that
nobody reads a rate from it that is higher than the limit's. The quota unit "tokens" is our own: the
draft's registry has none for it, and without one a quota would be of requests.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from jeton.limits.errors import RateLimitedError, find_seconds
from jeton.limits.words import Kind, Standing

Headers = list[tuple[bytes, bytes]]

_WINDOW_S = 60
_US_PER_S = 1_000_000
_TOKENS = ';qu="tokens"'


def _name(name: str, unit: str) -> tuple[str, str, bytes, bytes, bytes]:
    prefix = f"anthropic-ratelimit-{name}-".encode()
    return name, unit, prefix + b"limit", prefix + b"remaining", prefix + b"reset"


# Of each kind its name, its unit, and the names of its three headers.
_WORDS: dict[Kind, tuple[str, str, bytes, bytes, bytes]] = {
    "requests": _name("requests", ""),
    "input_tokens": _name("input-tokens", _TOKENS),
    "output_tokens": _name("output-tokens", _TOKENS),
}
# Instants are whole seconds of the next minute or so, so few are rendered twice.
_INSTANTS_KEPT = 1_024


def limit_headers(standings: Iterable[Standing], at: datetime) -> Headers:
    """How each limit stands at an instant; none without limits."""
    headers: Headers = []
    policies, states = [], []
    for standing in standings:
        name, unit, limit_name, remaining_name, reset_name = _WORDS[standing.kind]
        headers.append((limit_name, b"%d" % standing.limit))
        headers.append((remaining_name, b"%d" % standing.remaining))
        headers.append((reset_name, _render_instant(at, standing.reset_us)))
        policies.append(f'"{name}";q={standing.limit}{unit};w={_WINDOW_S}')
        states.append(f'"{name}";r={standing.remaining};t={-(-standing.reset_us // _US_PER_S)}')
    if states:
        headers.append((b"ratelimit-policy", ", ".join(policies).encode()))
        headers.append((b"ratelimit", ", ".join(states).encode()))
    return headers


def refusal_headers(error: RateLimitedError, at: datetime) -> Headers:
    """What comes with a refusal: when to try again, or that it is of no use, and how the limits stand."""
    if error.wait_us is None:
        advice = (b"x-should-retry", b"false")
    else:
        advice = (b"retry-after", b"%d" % find_seconds(error.wait_us))
    return [advice, *limit_headers(error.standings, at)]


def refusal_details(error: RateLimitedError, at: datetime) -> dict[str, str | None]:
    """What the body of a refusal says beside its sentence; numbers as texts, as everywhere in details."""
    return {
        "limit": f"{error.standing.kind}_per_minute",
        "scope": error.scope,
        "group": error.group,
        "per_minute": str(error.standing.limit),
        "needed": str(error.needed),
        "remaining": str(error.standing.remaining),
        "frees_at": None if error.wait_us is None else _render_instant(at, error.wait_us).decode(),
    }


def _render_instant(at: datetime, after_us: int) -> bytes:
    # Rounded up, so that the limit is whole at the instant that is named.
    return _render_second(int(at.timestamp()) + -(-(at.microsecond + after_us) // _US_PER_S))


@lru_cache(_INSTANTS_KEPT)
def _render_second(second: int) -> bytes:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}".encode()
