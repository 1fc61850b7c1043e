"""Limiter: every bucket of this node, and what a request takes from them and gives back.

A request has to pass the limits of its organization and those of its workspace, each for its model's
group. Either all of them let it through, or nothing is taken. Memory is bounded: the buckets that were
not used for longest are forgotten, and one that is made anew is no fuller than any forgotten one could be.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from jeton.limits.bucket import MINUTE_US, WHOLE, Bucket
from jeton.limits.errors import RateLimitedError
from jeton.limits.expectation import Expectation
from jeton.limits.sharing import Claim
from jeton.limits.words import (
    EVERY_GROUP,
    KINDS,
    UNLIMITED,
    Groups,
    Kind,
    Limits,
    Reserve,
    Scope,
    Standing,
)

METERS_MAX = 50_000
# One part of so many is free after a look at all of them.
_FREED_PART = 10

# What was asked for is measured over at least so long, and a new measure counts this part.
MEASURE_US = 1_000_000
PRESSURE_DIVISOR = 2
# Whoever is refused tries again, so what is asked for beyond four times a limit says nothing more.
PRESSURE_MAX = 4 * WHOLE

Key = tuple[UUID, str | None, str]
# Workspace id, or None for the organization itself, and group: the limits set there.
Overrides = Mapping[tuple[str | None, str], Limits]


@dataclass(slots=True, eq=False)
class _Meter:
    """The buckets of one organization or workspace for one group, and what was asked of them lately."""

    scope: Scope
    group: str
    name: str
    buckets: dict[Kind, Bucket]
    asked: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    pressure: int = 0


class Line:
    """What the requests of one workspace to one group of models have to pass."""

    __slots__ = ("_expectation", "_limiter", "_meters")

    def __init__(self, limiter: "Limiter", meters: tuple[_Meter, ...]) -> None:
        """``meters``: its own and those it shares."""
        self._limiter = limiter
        self._meters = meters
        self._expectation = Expectation()

    def reserve(self, input_max: int, output_max: int, *, at_us: int) -> "Reservation":
        """Let a request through that counts at most so many tokens; RateLimitedError if it has to wait."""
        is_strict = self._limiter.reserve == "most"
        expected = (input_max, output_max)
        if not is_strict:
            expected = self._expectation.expect(input_max, output_max)
        sums: dict[Kind, int] = {"requests": 1, "input_tokens": expected[0], "output_tokens": expected[1]}
        if not self._limiter.is_alone:
            self._limiter.note(self._meters, sums)
        refusal: tuple[int, _Meter, Kind] | None = None
        for meter in self._meters:
            for kind, bucket in meter.buckets.items():
                if is_strict and sums[kind] > bucket.limit:
                    raise self._make_refusal(meter, kind, sums[kind], wait_us=None, at_us=at_us)
                wait_us = bucket.find_wait_us(sums[kind], at_us=at_us)
                if wait_us and (refusal is None or wait_us > refusal[0]):
                    refusal = (wait_us, meter, kind)
        if refusal is not None:
            wait_us, meter, kind = refusal
            raise self._make_refusal(meter, kind, sums[kind], wait_us=wait_us, at_us=at_us)
        taken = [
            (kind, bucket, bucket.take(sums[kind], at_us=at_us))
            for meter in self._meters
            for kind, bucket in meter.buckets.items()
        ]
        return Reservation(self, taken, input_max=input_max, sums=sums)

    def list_standings(self, at_us: int) -> tuple[Standing, ...]:
        """How each kind of limit stands; of several of a kind the one of which least is left."""
        found: dict[Kind, Standing] = {}
        for meter in self._meters:
            for kind, bucket in meter.buckets.items():
                standing = _find_standing(kind, bucket, at_us)
                if kind not in found or standing.remaining < found[kind].remaining:
                    found[kind] = standing
        return tuple(found.values())

    def learn(self, input_max: int, *, input_tokens: int, output_tokens: int) -> None:
        """Take note of what a request counted."""
        self._expectation.learn(input_max, input_tokens=input_tokens, output_tokens=output_tokens)

    def _make_refusal(
        self, meter: _Meter, kind: Kind, needed: int, *, wait_us: int | None, at_us: int
    ) -> RateLimitedError:
        return RateLimitedError(
            _find_standing(kind, meter.buckets[kind], at_us),
            scope=meter.scope,
            group=meter.group,
            needed=needed,
            wait_us=wait_us,
            standings=self.list_standings(at_us),
        )


class Reservation:
    """What a request took from its line, until it is known what it counts; ended once."""

    __slots__ = ("_input_max", "_is_open", "_line", "_sums", "_taken")

    def __init__(
        self,
        line: Line,
        taken: list[tuple[Kind, Bucket, int]],
        *,
        input_max: int,
        sums: Mapping[Kind, int],
    ) -> None:
        """``taken``: from which bucket, under which number; ``sums``: how much of each kind."""
        self._line = line
        self._taken = taken
        self._input_max = input_max
        self._sums = sums
        self._is_open = True

    def correct(self, input_tokens: int, output_tokens: int, *, at_us: int) -> None:
        """End with the fact; ``input_tokens`` are those that count, without cache reads."""
        if self._is_open:
            self._line.learn(self._input_max, input_tokens=input_tokens, output_tokens=output_tokens)
            self._end(input_tokens, output_tokens, at_us)

    def cancel(self, *, at_us: int) -> None:
        """End without any tokens; that a request was made still counts."""
        if self._is_open:
            self._end(0, 0, at_us)

    def withdraw(self, *, at_us: int) -> None:
        """End as if the request had never been made: no budget or credit let it through."""
        if self._is_open:
            self._end(0, 0, at_us, requests=0)

    def keep(self) -> None:
        """End as estimated, where nobody knows better."""
        self._is_open = False

    def list_standings(self, at_us: int) -> tuple[Standing, ...]:
        """How the limits stand that it passed."""
        return self._line.list_standings(at_us)

    def _end(self, input_tokens: int, output_tokens: int, at_us: int, *, requests: int = 1) -> None:
        self._is_open = False
        facts: dict[Kind, int] = {
            "requests": requests,
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
        }
        for kind, bucket, number in self._taken:
            missing = facts[kind] - self._sums[kind]
            if missing < 0:
                bucket.give_back(-missing, number=number, at_us=at_us)
            elif missing:
                bucket.take(missing, at_us=at_us)


class Limiter:
    """Every limit of this node; off, and free, while nobody has set any."""

    def __init__(
        self,
        defaults: Mapping[str, Limits] | None = None,
        *,
        groups: Groups | None = None,
        reserve: Reserve = "expected",
        at_us: int = 0,
        meters_max: int = METERS_MAX,
    ) -> None:
        """``defaults``: by group, or ``*``, for each organization that has no limits of its own there.

        At most ``meters_max`` organizations and workspaces are remembered, each with each group.
        """
        self.groups = groups or Groups()
        self.reserve = reserve
        self._meters_max = meters_max
        self._defaults = dict(defaults or {})
        self._overrides: dict[UUID, Overrides] = {}
        self._lines: dict[tuple[UUID, str, str], Line | None] = {}
        self._meters: OrderedDict[Key, _Meter] = OrderedDict()
        # A bucket that nobody uses; one that is made is as full as this.
        self._unused = Bucket(1, at_us=at_us)
        self._claim = Claim(WHOLE)
        # Whether no other node lets anything through: then nobody need know what was asked for.
        self.is_alone = True
        self._asked: dict[str, _Meter] = {}
        self._measured_at_us = at_us
        self.is_off = not self._defaults

    def find_line(self, organization_id: UUID, workspace_id: str, *, group: str, at_us: int) -> Line | None:
        """What requests of a workspace to a group have to pass; None where there is no limit."""
        key = (organization_id, workspace_id, group)
        try:
            line = self._lines[key]
        except KeyError:
            line = self._open_line(organization_id, workspace_id, group, at_us)
            if len(self._lines) >= self._meters_max:
                self._lines.clear()
            self._lines[key] = line
        return line

    def list_standings(
        self, organization_id: UUID, workspace_id: str | None, *, group: str, at_us: int
    ) -> tuple[Standing, ...]:
        """How the limits of a place stand on this node; nothing where nobody has used them lately."""
        meter = self._meters.get((organization_id, workspace_id, group))
        buckets = {} if meter is None else meter.buckets
        return tuple(_find_standing(kind, bucket, at_us) for kind, bucket in buckets.items())

    def set_overrides(self, organization_id: UUID, overrides: Overrides, *, at_us: int) -> None:
        """Know these limits of an organization and its workspaces from now on, and no others."""
        if overrides:
            self._overrides[organization_id] = dict(overrides)
        else:
            self._overrides.pop(organization_id, None)
        self._apply(organization_id, at_us)

    def set_all_overrides(self, overrides: Mapping[UUID, Overrides], *, at_us: int) -> None:
        """Know these limits of all organizations, and no others."""
        for organization_id in {*self._overrides, *overrides}:
            self.set_overrides(organization_id, overrides.get(organization_id, {}), at_us=at_us)

    @property
    def claim(self) -> Claim:
        """The shares that are in force here."""
        return self._claim

    def set_claim(self, claim: Claim, *, at_us: int) -> None:
        """Let these shares through from now on."""
        # A limit of which this node lets little through has a bucket from here on, or it would be made
        # full when the share is large again.
        for key in map(_parse_name, claim.shares):
            if key not in self._meters:
                self._open_meter(key, at_us)
        before, self._claim = self._claim, claim
        if claim.base != before.base:
            self._unused.set_share(claim.base, at_us=at_us)
            meters: Iterable[_Meter] = self._meters.values()
        else:
            keys = map(_parse_name, {*claim.shares, *before.shares})
            meters = [self._meters[key] for key in keys if key in self._meters]
        for meter in meters:
            share = claim.of(meter.name)
            for bucket in meter.buckets.values():
                if bucket.share != share:
                    bucket.set_share(share, at_us=at_us)

    def note(self, meters: Iterable[_Meter], sums: Mapping[Kind, int]) -> None:
        """Remember what was asked for, whether it is let through or not."""
        for meter in meters:
            self._asked[meter.name] = meter
            for kind in meter.buckets:
                meter.asked[kind] += sums[kind]

    def measure(self, *, at_us: int) -> dict[str, int]:
        """How much of each limit is asked for here, in millionths of it, lately and not only just now."""
        elapsed_us = at_us - self._measured_at_us
        if elapsed_us >= MEASURE_US:
            self._measured_at_us = at_us
            for meter in tuple(self._asked.values()):
                asked = max(
                    (
                        meter.asked[kind] * WHOLE * MINUTE_US // (bucket.limit * elapsed_us)
                        for kind, bucket in meter.buckets.items()
                    ),
                    default=0,
                )
                meter.asked = dict.fromkeys(KINDS, 0)
                meter.pressure += (min(asked, PRESSURE_MAX) - meter.pressure) // PRESSURE_DIVISOR
                if not meter.pressure:
                    del self._asked[meter.name]
        return {name: meter.pressure for name, meter in self._asked.items()}

    def empty(self, *, at_us: int) -> None:
        """Hold nothing in any bucket: for a node that joins others, or was thought dead by them."""
        for bucket in self._list_buckets():
            bucket.empty(at_us=at_us)

    def find_limits(self, organization_id: UUID, workspace_id: str | None, *, group: str) -> Limits:
        """The limits in force of an organization, or those a workspace has on top of them."""
        overrides = self._overrides.get(organization_id, {})
        for key in ((workspace_id, group), (workspace_id, EVERY_GROUP)):
            if key in overrides:
                return overrides[key]
        if workspace_id is not None:
            return UNLIMITED
        return self._defaults.get(group) or self._defaults.get(EVERY_GROUP) or UNLIMITED

    def _list_buckets(self) -> list[Bucket]:
        return [
            self._unused,
            *(bucket for meter in self._meters.values() for bucket in meter.buckets.values()),
        ]

    def _apply(self, organization_id: UUID, at_us: int) -> None:
        self.is_off = not (self._defaults or self._overrides)
        self._lines.clear()
        for key, meter in self._meters.items():
            if key[0] == organization_id:
                limits = self.find_limits(organization_id, key[1], group=key[2])
                self._fit(meter, limits, at_us)

    def _fit(self, meter: _Meter, limits: Limits, at_us: int) -> None:
        """Give a meter these limits; a bucket that stays is as full as it was."""
        for kind, limit in limits.by_kind:
            bucket = meter.buckets.get(kind)
            if limit is None:
                meter.buckets.pop(kind, None)
            elif bucket is None:
                made = meter.buckets[kind] = self._unused.make_alike(limit, at_us=at_us)
                share = self._claim.of(meter.name)
                if share != made.share:
                    made.set_share(share, at_us=at_us)
            elif bucket.limit != limit:
                bucket.set_limit(limit, at_us=at_us)

    def _open_line(self, organization_id: UUID, workspace_id: str, group: str, at_us: int) -> Line | None:
        meters = [
            self._open_meter((organization_id, scope_id, group), at_us) for scope_id in (None, workspace_id)
        ]
        limited = tuple(meter for meter in meters if meter is not None)
        return Line(self, limited) if limited else None

    def _open_meter(self, key: Key, at_us: int) -> _Meter | None:
        limits = self.find_limits(key[0], key[1], group=key[2])
        if limits == UNLIMITED:
            return None
        meter = self._meters.get(key)
        if meter is None:
            if len(self._meters) >= self._meters_max:
                self._forget(at_us)
            meter = _Meter("organization" if key[1] is None else "workspace", key[2], _render_name(key), {})
            self._meters[key] = meter
        self._fit(meter, limits, at_us)
        self._meters.move_to_end(key)
        return meter

    def _forget(self, at_us: int) -> None:
        """Make room: of what is full nothing is lost; if that is not enough, those opened longest ago."""
        self._lines.clear()
        for key, meter in tuple(self._meters.items()):
            is_full = not any(bucket.find_reset_us(at_us=at_us) for bucket in meter.buckets.values())
            if is_full and meter.name not in self._claim.shares:
                del self._meters[key]
        while len(self._meters) > self._meters_max - self._meters_max // _FREED_PART:
            _, meter = self._meters.popitem(last=False)
            for bucket in meter.buckets.values():
                self._unused.lower_to(bucket.find_fill(at_us=at_us), at_us=at_us)


def _find_standing(kind: Kind, bucket: Bucket, at_us: int) -> Standing:
    remaining, reset_us = bucket.find_standing(at_us)
    return Standing(kind, bucket.limit, remaining, reset_us)


def _render_name(key: Key) -> str:
    return f"{key[0]}/{key[1] or ''}/{key[2]}"


def _parse_name(name: str) -> Key:
    organization_id, workspace_id, group = name.split("/", 2)
    return UUID(organization_id), workspace_id or None, group
