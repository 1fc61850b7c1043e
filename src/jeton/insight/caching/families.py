"""Families: prompts that begin alike, how well each is cached, and what other lifetimes would have cost.

A family is named by the hash of its tools and system; no text is kept. Known where Jeton keeps the account,
and of the newest ``SCANNED_MAX`` requests of a stretch. A lifetime is tried by replaying a family's requests
in their order as if all of them marked one prefix: it is written when none is alive, read as far as one is,
and lives anew from then on. Conversations that differ after the system prompt read less than that; so beside
each trial stands what was really written and read, at the same rates.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from uuid import UUID

from jeton.caching.words import FIVE_MINUTES_S, ONE_HOUR_S
from jeton.db.pool import Connection
from jeton.insight.caching.fitting import BreakEven
from jeton.insight.caching.reading import CacheChoice, CacheSums
from jeton.insight.requests import make_first_id
from jeton.money import render_usd

SCANNED_MAX = 10_000
FAMILIES_SHOWN = 50
_PER = 1_000_000

_READ = """
    WITH scanned AS (
        SELECT request_id, state, workspace_id, key_id, model, held_at, net_nano FROM charges
        WHERE organization_id = %(organization_id)s
          AND request_id >= %(first_id)s AND request_id < %(last_id)s
        ORDER BY request_id DESC LIMIT %(scanned_max)s
    )
    SELECT e.reported -> 'jeton_prompt_cache' ->> 'family' AS family, c.workspace_id, c.model, c.key_id,
        c.held_at, e.input_tokens, e.cache_creation_5m_input_tokens, e.cache_creation_1h_input_tokens,
        e.cache_read_input_tokens, c.net_nano, e.reported -> 'jeton_prompt_cache' -> 'miss' IS NOT NULL
    FROM scanned AS c JOIN usage_events AS e USING (request_id)
    WHERE c.state = 'settled' AND e.reported -> 'jeton_prompt_cache' ->> 'family' IS NOT NULL
      AND (%(workspace_id)s::text IS NULL OR c.workspace_id = %(workspace_id)s)
      AND (%(key_id)s::text IS NULL OR c.key_id = %(key_id)s)
      AND (%(model)s::text IS NULL OR c.model = %(model)s)
      AND (%(service_tier)s::text IS NULL OR e.service_tier = %(service_tier)s)
      AND (%(end_user)s::text IS NULL OR e.end_user = %(end_user)s)
      AND (%(tag)s::text IS NULL OR e.tag = %(tag)s)
    ORDER BY c.held_at, c.request_id
"""


@dataclass(frozen=True, slots=True)
class CachedUse:
    """One request of a family: when, by which key, and its prompt by class."""

    at: datetime
    key_id: str
    input_tokens: int
    cache_creation_5m_input_tokens: int
    cache_creation_1h_input_tokens: int
    cache_read_input_tokens: int
    net_nano: int
    is_broken: bool

    @property
    def marked_tokens(self) -> int:
        """What of the prompt was written or read."""
        written = self.cache_creation_5m_input_tokens + self.cache_creation_1h_input_tokens
        return written + self.cache_read_input_tokens


@dataclass(frozen=True, slots=True)
class Trial:
    """What marked tokens come to at the rates in force (nano): really, and with one lifetime for all."""

    really_nano: int
    five_minutes_nano: int
    one_hour_nano: int
    uncached_nano: int

    @property
    def best(self) -> str:
        """The cheapest way: ``5m``, ``1h`` or ``none``."""
        amounts = {"5m": self.five_minutes_nano, "1h": self.one_hour_nano, "none": self.uncached_nano}
        return min(amounts, key=lambda name: amounts[name])


@dataclass(frozen=True, slots=True)
class Family:
    """Prompts of a workspace and model that begin alike; ``trial`` None without prices of the cache."""

    name: str
    workspace_id: str
    model: str
    key_ids: tuple[str, ...]
    sums: CacheSums
    broken: int
    first_at: datetime
    last_at: datetime
    trial: Trial | None


async def list_families(
    connection: Connection, organization_id: UUID, choice: CacheChoice, evens: Mapping[str, BreakEven]
) -> tuple[Family, ...]:
    """The families of a stretch, those with most marked tokens first; ``evens`` has the rates of models."""
    parameters = {
        "organization_id": organization_id,
        "workspace_id": choice.workspace_id,
        "key_id": choice.key_id,
        "model": choice.model,
        "service_tier": choice.service_tier,
        "end_user": choice.end_user,
        "tag": choice.tag,
        "first_id": make_first_id(choice.stretch.starts_at),
        "last_id": make_first_id(choice.stretch.ends_at),
        "scanned_max": SCANNED_MAX,
    }
    found: dict[tuple[str, str, str], list[CachedUse]] = {}
    for family, workspace_id, model, key_id, at, *rest in await (
        await connection.execute(_READ, parameters)
    ).fetchall():
        found.setdefault((family, workspace_id, model), []).append(CachedUse(at, key_id, *rest))
    families = [_make_family(*names, uses, evens.get(names[2])) for names, uses in found.items()]
    return tuple(sorted(families, key=lambda one: (-_count_marked(one.sums), one.name)))


def replay(uses: Iterable[tuple[datetime, int]], lifetime: timedelta) -> tuple[int, int]:
    """Tokens written and read, had all uses (when, marked tokens; in order) had this lifetime.

    Two uses of 1,000 tokens four minutes apart write 1,000 and read 1,000; ten minutes apart they write 2,000
    with five minutes, and 1,000 with an hour.
    """
    written = read = alive_tokens = 0
    alive_until: datetime | None = None
    for at, tokens in uses:
        if alive_until is None or at >= alive_until:
            alive_tokens = 0
        hit = min(alive_tokens, tokens)
        read, written = read + hit, written + tokens - hit
        alive_tokens, alive_until = max(alive_tokens, tokens), at + lifetime
    return written, read


def try_lifetimes(uses: Sequence[CachedUse], even: BreakEven) -> Trial:
    """What the marked tokens of these uses come to in each way, in whole nano."""
    written_5m = sum(use.cache_creation_5m_input_tokens for use in uses)
    written_1h = sum(use.cache_creation_1h_input_tokens for use in uses)
    read = sum(use.cache_read_input_tokens for use in uses)
    marked = [(use.at, use.marked_tokens) for use in uses]
    short_written, short_read = replay(marked, timedelta(seconds=FIVE_MINUTES_S))
    long_written, long_read = replay(marked, timedelta(seconds=ONE_HOUR_S))
    return Trial(
        really_nano=_price(
            (written_5m, even.write_5m_rate), (written_1h, even.write_1h_rate), (read, even.read_rate)
        ),
        five_minutes_nano=_price((short_written, even.write_5m_rate), (short_read, even.read_rate)),
        one_hour_nano=_price((long_written, even.write_1h_rate), (long_read, even.read_rate)),
        uncached_nano=_price((written_5m + written_1h + read, even.input_rate)),
    )


def render_family(one: Family) -> dict[str, object]:
    """A family as JSON."""
    trial = one.trial
    return {
        "family": one.name,
        "workspace_id": one.workspace_id,
        "model": one.model,
        "api_key_ids": list(one.key_ids),
        "requests": one.sums.requests,
        "broken_requests": one.broken,
        "cache_read_ppm": one.sums.read_ppm,
        "cache_creation": {
            "ephemeral_5m_input_tokens": one.sums.cache_creation_5m_input_tokens,
            "ephemeral_1h_input_tokens": one.sums.cache_creation_1h_input_tokens,
        },
        "cache_read_input_tokens": one.sums.cache_read_input_tokens,
        "net_amount": render_usd(one.sums.net_nano),
        "first_at": one.first_at.isoformat(),
        "last_at": one.last_at.isoformat(),
        "marked_tokens": None
        if trial is None
        else {
            "really": render_usd(trial.really_nano),
            "with_5m": render_usd(trial.five_minutes_nano),
            "with_1h": render_usd(trial.one_hour_nano),
            "uncached": render_usd(trial.uncached_nano),
            "best": trial.best,
        },
    }


def _make_family(
    name: str, workspace_id: str, model: str, uses: Sequence[CachedUse], even: BreakEven | None
) -> Family:
    return Family(
        name=name,
        workspace_id=workspace_id,
        model=model,
        key_ids=tuple(dict.fromkeys(use.key_id for use in uses)),
        sums=CacheSums(
            requests=len(uses),
            input_tokens=sum(use.input_tokens for use in uses),
            cache_creation_5m_input_tokens=sum(use.cache_creation_5m_input_tokens for use in uses),
            cache_creation_1h_input_tokens=sum(use.cache_creation_1h_input_tokens for use in uses),
            cache_read_input_tokens=sum(use.cache_read_input_tokens for use in uses),
            net_nano=sum(use.net_nano for use in uses),
        ),
        broken=sum(use.is_broken for use in uses),
        first_at=uses[0].at,
        last_at=uses[-1].at,
        trial=None if even is None else try_lifetimes(uses, even),
    )


def _price(*parts: tuple[int, Fraction]) -> int:
    """Tokens at their rates (nano per million tokens), rounded once."""
    return round(sum((rate * tokens for tokens, rate in parts), Fraction(0)) / _PER)


def _count_marked(sums: CacheSums) -> int:
    return sums.written_tokens + sums.cache_read_input_tokens
