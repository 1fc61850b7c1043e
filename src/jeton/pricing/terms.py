"""Terms: what one organization has agreed on: a factor on published prices or rates of its own, with dates.

At an instant at most one row of terms applies to a model: the one for the model itself, else the one for
its line, else the one for all. It enters the stack as one modifier at stage ``negotiated``, by its id. Pure:
no clock, no rows of a database. In force half-open, from ``effective_from`` up to ``effective_to``, both at
quarters of an hour, so that sums by quarter are under one agreement each.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Literal, Self, cast
from uuid import UUID

from jeton.errors import InvalidInputError, MoneyError
from jeton.money import parse_exact, parse_usd, render_exact, render_usd
from jeton.pricing.book import PriceVersion
from jeton.pricing.errors import PriceContentError
from jeton.pricing.modifiers import AgreedRate, Modifier, Tier
from jeton.pricing.rating import Conditions
from jeton.usage import Bucket

ScopeKind = Literal["model", "line", "all"]
QUARTER = timedelta(minutes=15)
CONTENT_SCHEMA = 1
FRACTION_DIGITS_MAX = 100
TERMS_PREFIX = "terms"
TIERS: tuple[Tier, ...] = ("standard", "batch", "fast")


@dataclass(frozen=True, slots=True)
class Scope:
    """What terms are for: a model, a line of models (haiku, sonnet, …) or all; as text ``line:sonnet``."""

    kind: ScopeKind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind

    def covers(self, version: PriceVersion) -> bool:
        """Whether a model is meant."""
        return self.kind == "all" or self.name == (version.model if self.kind == "model" else version.line)


def parse_scope(text: str) -> Scope:
    """Read ``all``, ``line:NAME`` or ``model:NAME``; raises InvalidInputError."""
    kind, _, name = text.partition(":")
    if text == "all" or (kind in {"model", "line"} and name):
        return Scope(cast("ScopeKind", kind), name)
    raise InvalidInputError(f"Terms are for all, line:NAME or model:NAME, not {text!r}.")


@dataclass(frozen=True, slots=True)
class Terms:
    """One agreement as it is applied; ``effective_to`` None: until it is ended.

    Raises InvalidInputError for what no rating could apply.
    """

    terms_id: str
    scope: Scope
    factor: Fraction | None
    rates: tuple[AgreedRate, ...]
    effective_from: datetime
    effective_to: datetime | None
    modifier: Modifier = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make its modifier once: every request is rated with the same object."""
        object.__setattr__(self, "modifier", Modifier(self.terms_id, self.factor, rates=self.rates))

    def __hash__(self) -> int:
        return hash(self.terms_id)

    def is_in_force(self, at: datetime) -> bool:
        """Whether it applies at an instant."""
        return self.effective_from <= at and (self.effective_to is None or at < self.effective_to)

    def overlaps(self, other: Self) -> bool:
        """Whether both would apply to one model at one instant, neither more specific than the other."""
        return (
            self.scope == other.scope
            and (self.effective_to is None or other.effective_from < self.effective_to)
            and (other.effective_to is None or self.effective_from < other.effective_to)
            and not (self.is_void or other.is_void)
        )

    @property
    def is_void(self) -> bool:
        """Whether it was ended before it began."""
        return self.effective_to is not None and self.effective_to <= self.effective_from

    def content(self) -> dict[str, object]:
        """What decides an amount, JSON-able: rates as dollar strings."""
        return {
            "schema": CONTENT_SCHEMA,
            "scope": str(self.scope),
            "factor": None if self.factor is None else render_exact(self.factor),
            "rates": [
                {
                    "tier": agreed.tier,
                    "band": agreed.band_id,
                    "bucket": agreed.bucket.value,
                    "rate": render_usd(agreed.rate),
                }
                for agreed in self.rates
            ],
        }

    @classmethod
    def from_content(
        cls,
        terms_id: str,
        content: Mapping[str, object],
        *,
        effective_from: datetime,
        effective_to: datetime | None,
    ) -> Self:
        """The exact inverse of ``content``, with the dates that stand beside it; raises PriceContentError."""
        try:
            rates = content["rates"]
            if content["schema"] != CONTENT_SCHEMA or not isinstance(rates, list):
                raise PriceContentError("its schema is not the one of this version of the program")
            factor = content["factor"]
            return cls(
                terms_id,
                parse_scope(str(content["scope"])),
                None if factor is None else parse_factor(str(factor)),
                tuple(_parse_rate(rate) for rate in rates),
                effective_from,
                effective_to,
            )
        except (KeyError, ValueError, TypeError, MoneyError) as error:
            raise PriceContentError(str(error) or type(error).__name__) from error

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Self:
        """Terms out of a stored row that begins with id, content and both dates; raises PriceContentError."""
        return cls.from_content(row[0], row[1], effective_from=row[2], effective_to=row[3])


NO_TERMS: Mapping[UUID, tuple[Terms, ...]] = {}


class OwnTerms:
    """The terms of one organization, found by model in the order of precedence."""

    __slots__ = ("_by_scope", "terms")

    def __init__(self, terms: Iterable[Terms]) -> None:
        """Those that were ended before they began are left out."""
        self.terms = tuple(one for one in terms if not one.is_void)
        self._by_scope: dict[tuple[ScopeKind, str], list[Terms]] = {}
        for one in self.terms:
            self._by_scope.setdefault((one.scope.kind, one.scope.name), []).append(one)

    def find(self, version: PriceVersion, at: datetime) -> Terms | None:
        """What applies to a model at an instant: the terms for it, else for its line, else for all."""
        for key in (("model", version.model), ("line", version.line or ""), ("all", "")):
            for one in self._by_scope.get(key, ()):
                if one.is_in_force(at):
                    return one
        return None


def agree(conditions: Conditions, terms: Terms | None) -> Conditions:
    """The conditions of a request under what was agreed; the same object where nothing was."""
    if terms is None or terms.modifier in conditions.negotiated:
        return conditions
    tier, geography, speed = conditions.service_tier, conditions.inference_geo, conditions.speed
    return Conditions(tier, geography, speed, (terms.modifier,), conditions.promotions)


def is_quarter(at: datetime) -> bool:
    """Whether an instant is the beginning of a quarter of an hour."""
    return at.minute % 15 == 0 and not at.second and not at.microsecond


def next_quarter(at: datetime) -> datetime:
    """The first beginning of a quarter of an hour that is not before ``at``."""
    begun = at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)
    return begun if begun == at else begun + QUARTER


def parse_factor(text: str) -> Fraction:
    """Read a factor exactly: ``0.85`` or ``17/20``; raises MoneyError."""
    up, slash, down = text.partition("/")
    if not slash:
        return parse_exact(text)
    is_fraction = all(part.isascii() and part.isdigit() for part in (up, down))
    if not is_fraction or len(text) > FRACTION_DIGITS_MAX or not int(down):
        raise MoneyError(text[:FRACTION_DIGITS_MAX], "is neither a decimal nor a fraction such as 17/20")
    return Fraction(int(up), int(down))


def _parse_rate(rate: object) -> AgreedRate:
    if not isinstance(rate, Mapping) or rate["tier"] not in TIERS:
        raise PriceContentError(f"{rate!r} is not a rate of a tier")
    return AgreedRate(rate["tier"], Bucket(rate["bucket"]), parse_usd(str(rate["rate"])), str(rate["band"]))
