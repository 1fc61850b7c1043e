"""Reading: terms in files of many, TOML or CSV. Every mistake is found at once, each with its line. Pure.

A TOML file has a ``[[terms]]`` table for each agreement, a CSV file a row; both with the same names:
``scope``, ``factor``, ``rates``, ``effective_from``, ``effective_to``, ``reason``, ``approved_by`` and, where
the file is of several organizations, ``organization_id``. Rates are a table in TOML and in CSV
``standard.input=1.50 batch.output=3``; the name of a prompt length may come third (``standard.input.long``).
"""

import csv
import io
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, cast
from uuid import UUID

from jeton.billing.terms.asking import TermsAsk
from jeton.errors import InvalidInputError
from jeton.money import parse_usd
from jeton.pricing.modifiers import AgreedRate
from jeton.pricing.positions import index_lines
from jeton.pricing.terms import TIERS, parse_factor, parse_scope
from jeton.usage import Bucket

FILE_CHARS_MAX = 2_000_000
AGREEMENTS_MAX = 10_000
MISTAKES_SHOWN_MAX = 100
NAMES = (
    "organization_id", "scope", "factor", "rates", "effective_from", "effective_to", "reason", "approved_by",
)  # fmt: skip
_NEEDED = ("scope", "effective_from", "reason", "approved_by")


class TermsFileError(InvalidInputError):
    """A file of terms with mistakes; nothing of it was applied."""

    code = "invalid_terms_file"

    def __init__(self, mistakes: Iterable[str]) -> None:
        """Name each mistake with its line."""
        listed = list(mistakes)
        more = f"\n… and {len(listed) - MISTAKES_SHOWN_MAX} more" if len(listed) > MISTAKES_SHOWN_MAX else ""
        super().__init__("\n".join(listed[:MISTAKES_SHOWN_MAX]) + more)


@dataclass(frozen=True, slots=True)
class ReadTerms:
    """One agreement of a file; ``organization_id`` None: whom the command names."""

    organization_id: UUID | None
    ask: TermsAsk


def read_terms_file(text: str, *, is_csv: bool) -> list[ReadTerms]:
    """All agreements of a file, in its order; raises TermsFileError."""
    if len(text) > FILE_CHARS_MAX:
        raise TermsFileError([f"A file of terms has at most {FILE_CHARS_MAX:,} characters."])
    rows = _read_csv(text) if is_csv else _read_toml(text)
    if not 0 < len(rows) <= AGREEMENTS_MAX:
        raise TermsFileError([f"A file has 1 to {AGREEMENTS_MAX:,} agreements, not {len(rows):,}."])
    found, mistakes = [], []
    for line, values in rows:
        try:
            found.append(parse_terms(values, place=f"line {line}"))
        except InvalidInputError as error:
            mistakes.append(f"line {line}: {error}")
    if mistakes:
        raise TermsFileError(mistakes)
    return found


def parse_terms(values: Mapping[str, Any], *, place: str = "") -> ReadTerms:
    """One agreement out of its named values; raises InvalidInputError for the first that does not read."""
    unknown = sorted(set(values) - set(NAMES))
    if unknown:
        raise InvalidInputError(f"{unknown[0]!r} is none of {', '.join(NAMES)}.")
    missing = [name for name in _NEEDED if values.get(name) in {None, ""}]
    if missing:
        raise InvalidInputError(f"{missing[0]} is missing.")
    begins = _parse_time("effective_from", values["effective_from"])
    ends = values.get("effective_to")
    ask = TermsAsk(
        scope=parse_scope(str(values["scope"])),
        factor=parse_factor(str(values["factor"])) if values.get("factor") not in {None, ""} else None,
        rates=_parse_rates(values.get("rates")),
        effective_from=begins,
        effective_to=_parse_time("effective_to", ends) if ends not in {None, ""} else None,
        reason=str(values["reason"]).strip(),
        approved_by=str(values["approved_by"]).strip(),
        place=place,
    )
    organization_id = values.get("organization_id")
    return ReadTerms(_parse_id(str(organization_id)) if organization_id else None, ask)


def _read_toml(text: str) -> list[tuple[int, Mapping[str, Any]]]:
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TermsFileError([f"This is no TOML: {error}."]) from None
    tables = parsed.get("terms")
    is_list = isinstance(tables, list) and all(isinstance(table, dict) for table in tables)
    if not is_list or len(parsed) != 1:
        raise TermsFileError(["line 1: a file of terms has [[terms]] tables and nothing else."])
    lines = index_lines(text)
    return [(lines.get(("terms", place), 1), table) for place, table in enumerate(cast("list[Any]", tables))]


def _read_csv(text: str) -> list[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    rows: list[tuple[int, Mapping[str, Any]]] = []
    try:
        for row in reader:
            if None in row or None in row.values():
                raise TermsFileError(
                    [f"line {reader.line_num}: it has not as many fields as the first line."]
                )
            rows.append((reader.line_num, row))
    except csv.Error as error:
        # The row that cannot be read is the one after those that were.
        raise TermsFileError([f"line {reader.line_num + 1}: {error}."]) from None
    return rows


def _parse_rates(given: object) -> tuple[AgreedRate, ...]:
    if given in {None, ""} if not isinstance(given, dict) else not given:
        return ()
    pairs: Iterable[tuple[str, object]]
    if isinstance(given, dict):
        pairs = [pair for name, value in given.items() for pair in _flatten(str(name), value)]
    else:
        pairs = [part.partition("=")[::2] for part in str(given).split()]
    rates = [_parse_rate(name, str(rate)) for name, rate in pairs]
    # In one order, so that the same terms read the same however they are written.
    return tuple(sorted(rates, key=lambda rate: (TIERS.index(rate.tier), rate.bucket.value, rate.band_id)))


def _flatten(name: str, value: object) -> Iterable[tuple[str, object]]:
    """TOML reads ``standard.input = …`` as a table in a table."""
    if not isinstance(value, dict):
        return [(name, value)]
    return [pair for inner, one in value.items() for pair in _flatten(f"{name}.{inner}", one)]


def _parse_rate(name: str, rate: str) -> AgreedRate:
    tier, _, rest = name.partition(".")
    bucket, _, band_id = rest.partition(".")
    if tier not in TIERS or bucket not in {one.value for one in Bucket}:
        known = ", ".join(one.value for one in Bucket)
        raise InvalidInputError(
            f"{name!r} is no rate: it is TIER.BUCKET, of {', '.join(TIERS)} and of {known}."
        )
    return AgreedRate(tier, Bucket(bucket), parse_usd(rate), band_id)


def _parse_time(name: str, value: object) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise InvalidInputError(f"{name} {value!r} is no time such as 2027-01-01T00:00:00Z.") from None
    if isinstance(value, datetime):
        try:
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        except OverflowError:
            raise InvalidInputError(f"{name} {value} is outside of the years from 1 to 9999.") from None
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    raise InvalidInputError(f"{name} {value!r} is no time such as 2027-01-01T00:00:00Z.")


def _parse_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInputError(f"organization_id {text!r} is no id.") from None
