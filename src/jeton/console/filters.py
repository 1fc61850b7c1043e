"""Filters: what the shared filter bar says, out of the address and back into one.

The same names on every page, so that a link to another page carries what is chosen: ``range`` (a name, which
goes with the clock) or ``from`` and ``until`` (days of the zone, or instants such as 2026-11-23T10:00Z),
``zone``, ``compare``, and ``workspace_id``, ``key_id``, ``model``, ``service_tier``, ``token_class`` and
``state``. What is not known here (a workspace that was deleted, say) matches nothing and is shown as such; it
is no error.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from jeton import clock
from jeton.console.choices import CHOICES
from jeton.console.errors import InvalidFilterError
from jeton.console.visit import Visit
from jeton.db.pool import Connection
from jeton.identity.keys import list_keys
from jeton.identity.organizations import list_workspaces
from jeton.insight.explore.stretches import Stretch, of_days, snap
from jeton.insight.explore.sums import TOKEN_CLASSES
from jeton.insight.narrowed.uncharged import UNCHARGED
from jeton.ledger.budgets.windows import find_first_instant
from jeton.ledger.budgets.zones import parse_zone

Days = tuple[date, date]

DAY = timedelta(days=1)
# Each from what is today: the days from the first up to, not including, the second.
RANGES: Mapping[str, Callable[[date], Days]] = MappingProxyType(
    {
        "today": lambda today: (today, today + DAY),
        "7d": lambda today: (today - 6 * DAY, today + DAY),
        "30d": lambda today: (today - 29 * DAY, today + DAY),
        "90d": lambda today: (today - 89 * DAY, today + DAY),
        "12mo": lambda today: (today - 364 * DAY, today + DAY),
        "month": lambda today: (today.replace(day=1), today + DAY),
        "last-month": lambda today: ((today.replace(day=1) - DAY).replace(day=1), today.replace(day=1)),
    }
)
RANGE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "today": "today",
        "7d": "last 7 days",
        "30d": "last 30 days",
        "90d": "last 90 days",
        "12mo": "last 365 days",
        "month": "this month",
        "last-month": "last month",
    }
)
DEFAULT_RANGE = "30d"
TIERS = ("standard", "batch")
SETTLED = "settled"
# How a request can have ended; usage and cost are of what was settled, unless the filter says otherwise.
STATES = (SETTLED, *UNCHARGED)
# The newest keys and the models that a filter bar offers; others go into the address by hand.
KEYS_OFFERED_MAX = 100
MODELS_OFFERED_MAX = 100
TAGS_OFFERED_MAX = 100

_MODELS = """
    SELECT DISTINCT model FROM usage_rollups
    WHERE organization_id = %s AND day_on >= %s ORDER BY model LIMIT %s
"""
# From one tag to the next by their index, so that it does not matter how often each was used.
_TAGS = """
    WITH RECURSIVE known (tag, number) AS (
        SELECT min(tag), 1 FROM labelled_days WHERE organization_id = %(organization_id)s AND tag > ''
        UNION ALL
        SELECT (SELECT min(d.tag) FROM labelled_days AS d
                WHERE d.organization_id = %(organization_id)s AND d.tag > known.tag), number + 1
        FROM known WHERE tag IS NOT NULL AND number < %(limit)s
    )
    SELECT tag FROM known WHERE tag IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Filters:
    """What is chosen; None stands for everything. ``named`` is the range's name, "" where it has dates.

    ``token_class`` is one of TOKEN_CLASSES, ``state`` one of STATES.
    """

    stretch: Stretch
    named: str = DEFAULT_RANGE
    is_compared: bool = False
    workspace_id: str | None = None
    key_id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    end_user: str | None = None
    tag: str | None = None
    token_class: str | None = None
    state: str | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose days are shown."""
        return self.stretch.zone

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but time is chosen."""
        chosen = (self.workspace_id, self.key_id, self.model, self.service_tier, self.end_user, self.tag)
        return any((*chosen, self.token_class, self.state))

    @property
    def pairs(self) -> dict[str, str]:
        """What the address says, without what goes without saying."""
        choices = CHOICES.get()
        chosen = {
            # An address without a zone is in everybody's own, which for most is UTC.
            "zone": "" if self.zone.key == choices.own_zone.key == "UTC" else self.zone.key,
            "currency": "" if choices.currency == choices.own_currency else choices.currency,
            "compare": "previous" if self.is_compared else "",
            "workspace_id": self.workspace_id,
            "key_id": self.key_id,
            "model": self.model,
            "service_tier": self.service_tier,
            "end_user": self.end_user,
            "tag": self.tag,
            "token_class": self.token_class,
            "state": self.state,
        }
        return {**self._render_range(), **{name: text for name, text in chosen.items() if text}}

    def link(self, path: str, **changes: object) -> str:
        """An address with the same filters, and ``changes``; None or "" takes one away."""
        pairs: dict[str, object] = {**self.pairs, **changes}
        if {"from", "until"} & changes.keys():
            pairs.pop("range", None)
        kept = {name: str(value) for name, value in pairs.items() if value not in {None, ""}}
        return f"{path}?{urlencode(kept)}" if kept else path

    def link_to(self, path: str, stretch: Stretch, **changes: object) -> str:
        """As ``link``, for another stretch of time."""
        return self.link(path, **{**render_stretch(stretch), **changes})

    def _render_range(self) -> dict[str, str]:
        if self.named:
            return {"range": self.named}
        return render_stretch(self.stretch)


@dataclass(frozen=True, slots=True)
class Choices:
    """What a filter bar offers: names by id, and models."""

    workspaces: Mapping[str, str]
    keys: Mapping[str, str]
    models: tuple[str, ...]
    tags: tuple[str, ...] = ()

    @property
    def ranges(self) -> Mapping[str, str]:
        """The ranges that have names."""
        return RANGE_NAMES

    @property
    def tiers(self) -> tuple[str, ...]:
        """The service tiers."""
        return TIERS

    @property
    def token_classes(self) -> Mapping[str, str]:
        """The classes of tokens."""
        return TOKEN_CLASSES

    @property
    def states(self) -> Mapping[str, str]:
        """The states of requests that are not counted as usage, by which they can be counted."""
        return UNCHARGED


async def list_choices(connection: Connection, organization_id: UUID, filters: Filters) -> Choices:
    """Workspaces, the newest keys, the models used since the range began, and whatever is chosen."""
    workspaces = {one.workspace_id: one.name for one in await list_workspaces(connection, organization_id)}
    listed = [key for key in await list_keys(connection, organization_id) if key.kind == "api"]
    newest = {key.key_id for key in listed[-KEYS_OFFERED_MAX:]}
    keys = {
        key.key_id: f"{key.name} ({key.hint})"
        for key in reversed(listed)
        if key.key_id in newest or key.key_id == filters.key_id
    }
    since_on = filters.stretch.starts_at.date()
    cursor = await connection.execute(_MODELS, (organization_id, since_on, MODELS_OFFERED_MAX))
    models = [str(row[0]) for row in await cursor.fetchall()]
    if filters.workspace_id:
        workspaces.setdefault(filters.workspace_id, f"{filters.workspace_id} (not known here)")
    if filters.key_id:
        keys.setdefault(filters.key_id, f"{filters.key_id} (not known here)")
    if filters.model and filters.model not in models:
        models.append(filters.model)
    parameters = {"organization_id": organization_id, "limit": TAGS_OFFERED_MAX}
    cursor = await connection.execute(_TAGS, parameters)
    return Choices(workspaces, keys, tuple(models), tuple(str(row[0]) for row in await cursor.fetchall()))


def parse_filters(
    visit: Visit,
    *,
    default: str = DEFAULT_RANGE,
    at: datetime | None = None,
    without: frozenset[str] = frozenset(),
) -> Filters:
    """The filters of an address; InvalidFilterError, UnknownZoneError or InvalidStretchError.

    ``default``: the name of the range where the address has none. Instants are widened to whole quarters
    of an hour. ``without``: filters that the page cannot look at, and says so.
    """
    zone = find_zone(visit)
    named, stretch = _read_range(visit, zone, default, at or clock.now())
    compare = visit.find_filter("compare")
    if compare not in {"", "previous"}:
        raise InvalidFilterError("compare", f"is {compare!r}, not previous")
    tier = visit.find_filter("service_tier")
    if tier not in {"", *TIERS}:
        raise InvalidFilterError("service_tier", f"is {tier!r}, not one of {', '.join(TIERS)}")
    token_class, state = visit.find_filter("token_class"), visit.find_filter("state")
    if token_class not in {"", *TOKEN_CLASSES}:
        raise InvalidFilterError("token_class", f"is {token_class!r}, not one of {', '.join(TOKEN_CLASSES)}")
    if state not in {"", *STATES}:
        raise InvalidFilterError("state", f"is {state!r}, not one of {', '.join(STATES)}")
    filters = Filters(
        stretch=stretch,
        named=named,
        is_compared=bool(compare),
        workspace_id=visit.find_filter("workspace_id") or None,
        key_id=visit.find_filter("key_id") or None,
        model=visit.find_filter("model") or None,
        service_tier=tier or None,
        end_user=visit.find_filter("end_user") or None,
        tag=visit.find_filter("tag") or None,
        token_class=token_class or None,
        state=state or None,
    )
    visit.heeded.difference_update(without)
    return filters


def find_zone(visit: Visit) -> ZoneInfo:
    """The zone of the address, or the one that the visitor chose for every page; UnknownZoneError."""
    return parse_zone(visit.find_filter("zone") or CHOICES.get().own_zone.key)


def find_range(named: str, zone: ZoneInfo, at: datetime) -> Stretch:
    """The stretch that a range's name stands for at an instant."""
    from_on, until_on = RANGES[named](at.astimezone(zone).date())
    return of_days(from_on, until_on, zone=zone)


def _read_range(visit: Visit, zone: ZoneInfo, default: str, at: datetime) -> tuple[str, Stretch]:
    named = visit.find_filter("range")
    begins, ends = visit.find_filter("from"), visit.find_filter("until")
    # A name is chosen on purpose; dates may be left over from before.
    if not named and not begins and not ends:
        named = default
    if not named:
        stretch = find_range(default, zone, at)
        starts_at = _read_instant("from", begins, zone) if begins else stretch.starts_at
        ends_at = _read_instant("until", ends, zone) if ends else stretch.ends_at
        return "", snap(Stretch(starts_at, ends_at, zone))
    if named not in RANGES:
        raise InvalidFilterError("range", f"is {named!r}, not one of {', '.join(RANGES)}")
    return named, find_range(named, zone, at)


def _read_instant(name: str, text: str, zone: ZoneInfo) -> datetime:
    try:
        if len(text) <= len("2026-11-23"):
            return find_first_instant(date.fromisoformat(text), zone)
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidFilterError(
            name, f"is {text!r}, not a day such as 2026-11-23 or an instant such as 2026-11-23T10:00Z"
        ) from None


def render_stretch(stretch: Stretch) -> dict[str, str]:
    """A stretch as an address has it: days of its zone where it is made of them, else instants of UTC."""
    if stretch.is_of_days:
        return {"from": stretch.first_on.isoformat(), "until": (stretch.last_on + DAY).isoformat()}
    return {"from": f"{stretch.starts_at:%Y-%m-%dT%H:%MZ}", "until": f"{stretch.ends_at:%Y-%m-%dT%H:%MZ}"}
