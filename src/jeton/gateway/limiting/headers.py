"""Headers: how rate limits stand, in the words of the Messages API and in those of the IETF.

``anthropic-ratelimit-*`` as its clients know them; ``RateLimit`` and ``RateLimit-Policy`` as in
draft-ietf-httpapi-ratelimit-headers-11. There ``t`` is when the limit is whole again, in seconds, so that
nobody reads a rate from it that is higher than the limit's. The quota unit "tokens" is our own: the
draft's registry has none for it, and without one a quota would be of requests.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from jeton.limits.errors import RateLimitedError, find_seconds
from jeton.limits.words import Kind, Standing

Headers = list[tuple[bytes, bytes]]

_WINDOW_S = 60
_US_PER_S = 1_000_000
_NAMES: dict[Kind, str] = {
    "requests": "requests",
    "input_tokens": "input-tokens",
    "output_tokens": "output-tokens",
}
_TOKENS = ';qu="tokens"'
_UNITS: dict[Kind, str] = {"requests": "", "input_tokens": _TOKENS, "output_tokens": _TOKENS}


def limit_headers(standings: Iterable[Standing], at: datetime) -> Headers:
    """How each limit stands at an instant; none without limits."""
    headers: Headers = []
    policies, states = [], []
    for standing in standings:
        name = _NAMES[standing.kind]
        reset_s = -(-standing.reset_us // _US_PER_S)
        prefix = f"anthropic-ratelimit-{name}-"
        headers += (
            (f"{prefix}limit".encode(), b"%d" % standing.limit),
            (f"{prefix}remaining".encode(), b"%d" % standing.remaining),
            (f"{prefix}reset".encode(), _render_instant(at, standing.reset_us)),
        )
        policies.append(f'"{name}";q={standing.limit}{_UNITS[standing.kind]};w={_WINDOW_S}')
        states.append(f'"{name}";r={standing.remaining};t={reset_s}')
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
    instant = at + timedelta(microseconds=after_us + _US_PER_S - 1)
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}".encode()
