"""Reading: what the prompt cache saved and read, by whom, and what broken hits cost, in any stretch of time.

Tokens and savings are those of the explorer. ``saved_nano`` is net: what reads took off, less what writes
cost more than uncached input. Breaks are known where diagnostics were asked for; of a stretch the newest
``BREAKS_MAX`` are rated, each as its receipt does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field, replace
from datetime import date, datetime
from fractions import Fraction
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.rows import DictRow, dict_row

from jeton import clock
from jeton.caching.words import MissReason
from jeton.db.pool import Connection
from jeton.insight.caching.breaks import CacheBreak, find_cache_break
from jeton.insight.contract.terms import find_pinned, find_terms
from jeton.insight.explore.question import GROUPS_MAX, Question
from jeton.insight.explore.reading import explore
from jeton.insight.explore.stretches import Stretch
from jeton.insight.explore.sums import Sums
from jeton.insight.requests import make_first_id
from jeton.pricing.book import PriceVersion
from jeton.pricing.rating import Conditions
from jeton.pricing.terms import Terms, agree
from jeton.usage import Usage

BREAKS_MAX = 500
COSTLIEST = 10
DAY_S = 86_400
MONTH_S = 30 * DAY_S
# A projection has no more digits than a hundredth of a cent.
ROUNDED_NANO = 100_000

Group = Literal["model", "workspace_id", "key_id"]
GROUPS: tuple[Group, ...] = ("model", "workspace_id", "key_id")

# By an index that has breaks only.
_BREAKS = """
    SELECT e.*, c.price_version_id, c.terms_id, k.name AS key_name
    FROM usage_events AS e JOIN charges AS c USING (request_id) LEFT JOIN api_keys AS k ON k.key_id = e.key_id
    WHERE e.organization_id = %(organization_id)s
      AND e.request_id >= %(first_id)s AND e.request_id < %(last_id)s
      AND jsonb_typeof(e.reported -> 'jeton_prompt_cache' -> 'miss') = 'object' AND c.state = 'settled'
      AND (%(workspace_id)s::text IS NULL OR e.workspace_id = %(workspace_id)s)
      AND (%(key_id)s::text IS NULL OR e.key_id = %(key_id)s)
      AND (%(model)s::text IS NULL OR e.model = %(model)s)
      AND (%(service_tier)s::text IS NULL OR e.service_tier = %(service_tier)s)
      AND (%(end_user)s::text IS NULL OR e.end_user = %(end_user)s)
      AND (%(tag)s::text IS NULL OR e.tag = %(tag)s)
    ORDER BY e.request_id DESC LIMIT %(limit)s
"""
_VERSIONS = "SELECT price_version_id, content FROM price_versions WHERE price_version_id = ANY (%s)"


@dataclass(frozen=True, slots=True)
class CacheChoice:
    """Which stretch of time, and whose; None means every one."""

    stretch: Stretch
    workspace_id: str | None = None
    key_id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    end_user: str | None = None
    tag: str | None = None

    @property
    def where(self) -> dict[str, str]:
        """What is chosen, by dimension."""
        chosen = {
            "workspace_id": self.workspace_id,
            "key_id": self.key_id,
            "model": self.model,
            "service_tier": self.service_tier,
            "end_user": self.end_user,
            "tag": self.tag,
        }
        return {name: value for name, value in chosen.items() if value is not None}


@dataclass(frozen=True, slots=True)
class CacheSums:
    """Prompt tokens by class, and what caching saved net of its writes (nano)."""

    requests: int = 0
    input_tokens: int = 0
    cache_creation_5m_input_tokens: int = 0
    cache_creation_1h_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    saved_nano: int = 0
    net_nano: int = 0

    @property
    def written_tokens(self) -> int:
        """Tokens written to the cache, for whatever time."""
        return self.cache_creation_5m_input_tokens + self.cache_creation_1h_input_tokens

    @property
    def prompt_tokens(self) -> int:
        """All tokens of prompts."""
        return self.input_tokens + self.written_tokens + self.cache_read_input_tokens

    @property
    def read_ppm(self) -> int | None:
        """Which part of all prompt tokens was read from the cache, in millionths; None without a prompt."""
        prompt = self.prompt_tokens
        return self.cache_read_input_tokens * 1_000_000 // prompt if prompt else None

    @property
    def reads_per_write(self) -> Fraction | None:
        """How often each written token was read; None if nothing was written."""
        return Fraction(self.cache_read_input_tokens, self.written_tokens) if self.written_tokens else None


@dataclass(frozen=True, slots=True)
class BrokenRequest:
    """A request that did not read what was cached."""

    request_id: str
    occurred_at: datetime
    key_id: str
    key_name: str | None
    model: str
    found: CacheBreak


@dataclass(frozen=True, slots=True)
class BreakCause:
    """Breaks of one cause; ``cost_nano`` of those whose cost is known, and the first of them."""

    reason: MissReason
    sentence: str
    requests: int
    missed_tokens: int
    cost_nano: int
    unknown: int
    first: BrokenRequest
    last_at: datetime


@dataclass(frozen=True, slots=True)
class CacheReport:
    """What caching did in a stretch of time; groups by id, the most saved first.

    ``expired_nano``: what it cost by model that a prefix had expired. ``is_cut_off``: older breaks were not
    looked at. ``timeline``: what breaks cost (nano) by day of the zone and cause.
    """

    as_of: datetime
    stretch: Stretch
    totals: CacheSums
    groups: Mapping[Group, tuple[tuple[str, CacheSums], ...]]
    causes: tuple[BreakCause, ...]
    costliest: tuple[BrokenRequest, ...]
    expired_nano: Mapping[str, int]
    is_cut_off: bool
    timeline: Mapping[date, Mapping[MissReason, int]] = field(default_factory=dict)

    @property
    def lost_nano(self) -> int:
        """What the breaks that were looked at cost, as far as it is known."""
        return sum(cause.cost_nano for cause in self.causes)

    def find_monthly(self, cause: BreakCause) -> int:
        """What a cause comes to in 30 days if it goes on as since its first break, in nano.

        $1 since yesterday is $30; what began less than a day ago counts as a day's. Whole hundredths of a
        cent.
        """
        ends_at = min(self.as_of, self.stretch.ends_at)
        elapsed_s = max(DAY_S, int((ends_at - cause.first.occurred_at).total_seconds()))
        return cause.cost_nano * MONTH_S // elapsed_s // ROUNDED_NANO * ROUNDED_NANO


async def get_cache_report(connection: Connection, organization_id: UUID, choice: CacheChoice) -> CacheReport:
    """What caching did, and what broke it; a stretch is widened to whole quarters of an hour."""
    as_of = clock.now()
    groups: dict[Group, tuple[tuple[str, CacheSums], ...]] = {}
    for group in GROUPS:
        groups[group] = await _list_group(connection, organization_id, group, choice=choice)
    broken, is_cut_off = await _list_broken(connection, organization_id, choice)
    shown = broken[:BREAKS_MAX]
    costly = sorted(shown, key=lambda one: -(one.found.cost_nano or 0))
    return CacheReport(
        as_of=as_of,
        stretch=choice.stretch,
        totals=_add_up(sums for _, sums in groups["model"]),
        groups=groups,
        causes=sum_causes(shown),
        costliest=tuple(one for one in costly[:COSTLIEST] if one.found.cost_nano),
        expired_nano=_sum_expired(shown),
        is_cut_off=is_cut_off,
        timeline=sum_days(shown, choice.stretch.zone),
    )


def sum_days(broken: Iterable[BrokenRequest], zone: ZoneInfo) -> dict[date, dict[MissReason, int]]:
    """What breaks cost (nano) by day of a zone and cause, in order; days without any are left out."""
    days: dict[date, dict[MissReason, int]] = {}
    for one in sorted(broken, key=lambda one: one.occurred_at):
        of_day = days.setdefault(one.occurred_at.astimezone(zone).date(), {})
        of_day[one.found.reason] = of_day.get(one.found.reason, 0) + (one.found.cost_nano or 0)
    return days


def sum_causes(broken: Iterable[BrokenRequest]) -> tuple[BreakCause, ...]:
    """Breaks by cause, the costliest first."""
    causes: dict[str, BreakCause] = {}
    for one in sorted(broken, key=lambda one: one.occurred_at):
        found = one.found
        before = causes.get(found.reason) or BreakCause(
            found.reason, found.sentence, 0, 0, 0, 0, one, one.occurred_at
        )
        causes[found.reason] = replace(
            before,
            requests=before.requests + 1,
            missed_tokens=before.missed_tokens + (found.missed_tokens or 0),
            cost_nano=before.cost_nano + (found.cost_nano or 0),
            unknown=before.unknown + (found.cost_nano is None),
            last_at=one.occurred_at,
        )
    return tuple(sorted(causes.values(), key=lambda cause: (-cause.cost_nano, -cause.requests)))


def _sum_expired(broken: Iterable[BrokenRequest]) -> dict[str, int]:
    costs: dict[str, int] = {}
    for one in broken:
        if one.found.reason == "unavailable":
            costs[one.model] = costs.get(one.model, 0) + (one.found.cost_nano or 0)
    return costs


async def _list_group(
    connection: Connection, organization_id: UUID, group: Group, *, choice: CacheChoice
) -> tuple[tuple[str, CacheSums], ...]:
    question = Question(
        organization_id,
        choice.stretch,
        group_by=(group,),
        where={name: (value,) for name, value in choice.where.items()},
        limit=GROUPS_MAX,
        measure="saved_cache_nano",
    )
    report = await explore(connection, question)
    return tuple(
        (value or "other", _take_sums(sums)) for (value,), sums in report.by_group.items() if sums.requests
    )


def _take_sums(sums: Sums) -> CacheSums:
    return CacheSums(
        sums.requests,
        sums.input_tokens,
        sums.cache_creation_5m_input_tokens,
        sums.cache_creation_1h_input_tokens,
        sums.cache_read_input_tokens,
        sums.saved_cache_nano,
        sums.net_nano,
    )


async def _list_broken(
    connection: Connection, organization_id: UUID, choice: CacheChoice
) -> tuple[list[BrokenRequest], bool]:
    """Broken hits, newest first, and whether there are more of them."""
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
        "limit": BREAKS_MAX + 1,
    }
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_BREAKS, parameters)
        found = await cursor.fetchall()
    names = sorted({row["price_version_id"] for row in found})
    versions_cursor = await connection.execute(_VERSIONS, (names,))
    versions = {row[0]: PriceVersion.from_content(row[1]) for row in await versions_cursor.fetchall()}
    terms = await find_terms(connection, {row["terms_id"] for row in found})
    broken = [one for row in found if (one := _parse_broken(row, versions, terms)) is not None]
    return broken, len(found) > BREAKS_MAX


def _parse_broken(
    row: DictRow, versions: Mapping[str, PriceVersion], terms: Mapping[str, Terms]
) -> BrokenRequest | None:
    if row["state"] != "accepted":
        return None
    usage = Usage(
        row["input_tokens"],
        row["cache_creation_5m_input_tokens"],
        row["cache_creation_1h_input_tokens"],
        row["cache_read_input_tokens"],
        row["output_tokens"],
        row["web_search_requests"],
    )
    own = find_pinned(terms, row["terms_id"])
    conditions = agree(Conditions(row["service_tier"], row["inference_geo"], row["speed"]), own)
    found = find_cache_break(row["reported"], usage, versions[row["price_version_id"]], conditions=conditions)
    if found is None:
        return None
    return BrokenRequest(
        row["request_id"], row["occurred_at"], row["key_id"], row["key_name"], row["model"], found
    )


def _add_up(many: Iterable[CacheSums]) -> CacheSums:
    return CacheSums(*(sum(column) for column in zip(*map(astuple, many), strict=True)))
