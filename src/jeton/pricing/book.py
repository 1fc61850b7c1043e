"""The price book: price versions, each a dated fact, and which of them is in force when.

Prices are nano-dollars per million tokens (web searches: per thousand). A version is in force
from the first instant (UTC) of ``from_on`` up to, not including, that of ``until_on``. Versions
are appended and never changed (P10). Nothing here reads a file: see ``loading``.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import lru_cache
from typing import Literal, Self

from jeton.errors import MoneyError
from jeton.money import parse_exact, parse_usd, render_exact, render_usd
from jeton.pricing.errors import PriceContentError
from jeton.usage import Bucket

Lifecycle = Literal["active", "deprecated", "retired"]
CONTENT_SCHEMA = 1
IDS_KEPT_MAX = 1024
TOKEN_BUCKETS = (
    Bucket.INPUT,
    Bucket.CACHE_WRITE_5M,
    Bucket.CACHE_WRITE_1H,
    Bucket.CACHE_READ,
    Bucket.OUTPUT,
)


@dataclass(frozen=True, slots=True)
class Override:
    """What a condition (batch, fast, a geography) does to rates.

    A bucket in ``rates`` (nano-dollars per million tokens) has that rate, whatever the factor
    says: an explicit published rate wins. Everything else is multiplied by ``factor``; without
    a factor a cache bucket follows the explicit rate of ``input``.
    """

    factor: Fraction | None = None
    rates: Mapping[Bucket, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Band:
    """The rates for prompts up to and including ``up_to_prompt_tokens`` (None: of any length).

    ``rates`` are the published standard rates of all five token buckets. A condition that is
    None is not sold for this model.
    """

    band_id: str
    up_to_prompt_tokens: int | None
    rates: Mapping[Bucket, int]
    batch: Override | None = None
    fast: Override | None = None
    us: Override | None = None


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What the book knows of a model beside its prices; ``family`` names its tokenizer."""

    model: str
    display_name: str
    family: str
    created_on: date
    max_input_tokens: int
    max_output_tokens: int
    line: str | None = None
    aliases: tuple[str, ...] = ()
    deprecated_on: date | None = None
    retires_on: date | None = None


@lru_cache(maxsize=IDS_KEPT_MAX)
def _render_id(model: str, from_on: date) -> str:
    return f"{model}@{from_on.isoformat()}"


@dataclass(frozen=True, slots=True)
class PriceVersion:
    """The prices of one model from a date on; it rates without the book it came from."""

    card: ModelCard
    from_on: date
    until_on: date | None
    bands: tuple[Band, ...]
    web_search_per_1000: int

    def __hash__(self) -> int:
        """By name and date, which tell versions of one book apart; rates are kept by version."""
        return hash((self.card.model, self.from_on))

    @property
    def price_version_id(self) -> str:
        """The model and the day it is in force from: ``claude-sonnet-5-5@2026-10-07``."""
        return _render_id(self.card.model, self.from_on)

    @property
    def model(self) -> str:
        """The model's id, never an alias."""
        return self.card.model

    @property
    def display_name(self) -> str:
        """The model's name for people."""
        return self.card.display_name

    @property
    def family(self) -> str:
        """The tokenizer family: ``claude-3``, ``claude-4.7``, ``o200k``."""
        return self.card.family

    @property
    def line(self) -> str | None:
        """The product line: haiku, sonnet, opus, fable, mythos, or None."""
        return self.card.line

    @property
    def created_on(self) -> date:
        """The day the model was released."""
        return self.card.created_on

    @property
    def deprecated_on(self) -> date | None:
        """The day from which the model is deprecated, if announced."""
        return self.card.deprecated_on

    @property
    def retires_on(self) -> date | None:
        """The first day on which the model is no longer served, if announced."""
        return self.card.retires_on

    @property
    def max_input_tokens(self) -> int:
        """The longest prompt, in tokens."""
        return self.card.max_input_tokens

    @property
    def max_output_tokens(self) -> int:
        """The largest ``max_tokens``."""
        return self.card.max_output_tokens

    @property
    def has_batch(self) -> bool:
        """Whether batch has a price."""
        return all(band.batch is not None for band in self.bands)

    @property
    def has_fast(self) -> bool:
        """Whether fast mode has a price."""
        return all(band.fast is not None for band in self.bands)

    @property
    def has_us(self) -> bool:
        """Whether ``inference_geo: us`` has a price."""
        return all(band.us is not None for band in self.bands)

    def find_band(self, prompt_tokens: int) -> Band:
        """The band of a whole prompt (uncached, read and written); its limit is inclusive."""
        for band in self.bands:
            if band.up_to_prompt_tokens is None or prompt_tokens <= band.up_to_prompt_tokens:
                return band
        return self.bands[-1]

    def lifecycle(self, at: datetime) -> Lifecycle:
        """Active, deprecated, or retired (still priced for history, no longer served)."""
        on = at.astimezone(UTC).date()
        if self.card.retires_on is not None and on >= self.card.retires_on:
            return "retired"
        if self.card.deprecated_on is not None and on >= self.card.deprecated_on:
            return "deprecated"
        return "active"

    @property
    def digest(self) -> str:
        """``sha256:`` over the canonical JSON of what decides an amount.

        The card and ``until_on`` are left out: a later retirement, name or successor is no
        change of price, and must not contradict a version that is already stored.
        """
        canonical = json.dumps(_price_content(self), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"

    def content(self) -> dict[str, object]:
        """Everything, JSON-able: rates as dollar strings, dates as ISO 8601."""
        return {
            "schema": CONTENT_SCHEMA,
            "price": _price_content(self),
            "until_on": _render_date(self.until_on),
            "card": _card_content(self.card),
        }

    @classmethod
    def from_content(cls, content: Mapping[str, object]) -> Self:
        """The exact inverse of ``content``; raises PriceContentError."""
        try:
            price, card = _table(content["price"]), _table(content["card"])
            bands = price["bands"]
            if content["schema"] != CONTENT_SCHEMA or not isinstance(bands, list) or not bands:
                raise PriceContentError("its schema is not the one of this version of the program")
            return cls(
                card=_parse_card(card),
                from_on=date.fromisoformat(str(price["from_on"])),
                until_on=_parse_date(content["until_on"]),
                bands=tuple(_parse_band(_table(band)) for band in bands),
                web_search_per_1000=parse_usd(str(price["web_search_per_1000"])),
            )
        except (KeyError, ValueError, TypeError, MoneyError) as error:
            raise PriceContentError(str(error) or type(error).__name__) from error


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Every price version, sorted by model and date; a model is found by its id or an alias."""

    versions: tuple[PriceVersion, ...]
    _timelines: dict[str, tuple[PriceVersion, ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Index the versions by model and alias, each timeline in order of time."""
        for version in sorted(self.versions, key=lambda version: version.from_on):
            for name in (version.model, *version.card.aliases):
                self._timelines[name] = (*self._timelines.get(name, ()), version)

    def adopt(self, timeline: tuple[PriceVersion, ...]) -> None:
        """Know a model by these versions from now on, for everybody who holds this book.

        The one way in which a book changes, so that a price that is approved while servers run is in force on
        its day on all of them: what was in it stays, and what is new begins later (``pricing.proposing``).
        """
        model = timeline[0].model
        others = tuple(version for version in self.versions if version.model != model)
        for name in {model, *(alias for version in timeline for alias in version.card.aliases)}:
            self._timelines[name] = timeline
        versions = sorted((*others, *timeline), key=lambda version: (version.model, version.from_on))
        object.__setattr__(self, "versions", tuple(versions))

    def models(self) -> tuple[str, ...]:
        """The id of every model, newest first."""
        newest = {version.model: version.created_on for version in self.versions}
        return tuple(sorted(newest, key=lambda model: (-newest[model].toordinal(), model)))

    def timeline(self, model: str) -> tuple[PriceVersion, ...]:
        """Every version of a model (or alias) in order of time; empty when it is unknown."""
        return self._timelines.get(model, ())

    def find_version(self, model: str, at: datetime) -> PriceVersion | None:
        """The version in force at an instant, for a model's id or an alias of it."""
        on = at.astimezone(UTC).date()
        for version in reversed(self._timelines.get(model, ())):
            if version.from_on <= on:
                is_over = version.until_on is not None and on >= version.until_on
                return None if is_over else version
        return None

    def next_version(self, model: str, at: datetime) -> PriceVersion | None:
        """The first version that comes into force after an instant."""
        on = at.astimezone(UTC).date()
        later = (version for version in self.timeline(model) if version.from_on > on)
        return next(later, None)


def _price_content(version: PriceVersion) -> dict[str, object]:
    return {
        "price_version_id": version.price_version_id,
        "currency": "USD",
        "from_on": version.from_on.isoformat(),
        "web_search_per_1000": render_usd(version.web_search_per_1000),
        "bands": [_band_content(band) for band in version.bands],
    }


def _band_content(band: Band) -> dict[str, object]:
    return {
        "band_id": band.band_id,
        "up_to_prompt_tokens": band.up_to_prompt_tokens,
        "standard": _rates_content(band.rates),
        "batch": _override_content(band.batch),
        "fast": _override_content(band.fast),
        "us": _override_content(band.us),
    }


def _rates_content(rates: Mapping[Bucket, int]) -> dict[str, str]:
    return {bucket.value: render_usd(rates[bucket]) for bucket in TOKEN_BUCKETS if bucket in rates}


def _override_content(override: Override | None) -> dict[str, object] | None:
    if override is None:
        return None
    factor = None if override.factor is None else render_exact(override.factor)
    return {"factor": factor, "rates": _rates_content(override.rates)}


def _card_content(card: ModelCard) -> dict[str, object]:
    return {
        "model": card.model,
        "display_name": card.display_name,
        "family": card.family,
        "line": card.line,
        "aliases": list(card.aliases),
        "created_on": card.created_on.isoformat(),
        "deprecated_on": _render_date(card.deprecated_on),
        "retires_on": _render_date(card.retires_on),
        "max_input_tokens": card.max_input_tokens,
        "max_output_tokens": card.max_output_tokens,
    }


def _render_date(on: date | None) -> str | None:
    return None if on is None else on.isoformat()


def _parse_date(text: object) -> date | None:
    return None if text is None else date.fromisoformat(str(text))


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise PriceContentError(f"{value!r} is not a table")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int):
        raise PriceContentError(f"{value!r} is not a whole number")
    return value


def _parse_card(card: Mapping[str, object]) -> ModelCard:
    aliases = card["aliases"]
    if not isinstance(aliases, list):
        raise PriceContentError("aliases is not a list")
    return ModelCard(
        model=str(card["model"]),
        display_name=str(card["display_name"]),
        family=str(card["family"]),
        line=None if card["line"] is None else str(card["line"]),
        aliases=tuple(str(alias) for alias in aliases),
        created_on=date.fromisoformat(str(card["created_on"])),
        deprecated_on=_parse_date(card["deprecated_on"]),
        retires_on=_parse_date(card["retires_on"]),
        max_input_tokens=_count(card["max_input_tokens"]),
        max_output_tokens=_count(card["max_output_tokens"]),
    )


def _parse_band(band: Mapping[str, object]) -> Band:
    limit = band["up_to_prompt_tokens"]
    return Band(
        band_id=str(band["band_id"]),
        up_to_prompt_tokens=None if limit is None else _count(limit),
        rates=_parse_rates(band["standard"]),
        batch=_parse_override(band["batch"]),
        fast=_parse_override(band["fast"]),
        us=_parse_override(band["us"]),
    )


def _parse_rates(rates: object) -> dict[Bucket, int]:
    return {Bucket(name): parse_usd(str(rate)) for name, rate in _table(rates).items()}


def _parse_override(override: object) -> Override | None:
    if override is None:
        return None
    table = _table(override)
    factor = None if table["factor"] is None else parse_exact(str(table["factor"]))
    return Override(factor=factor, rates=_parse_rates(table["rates"]))
