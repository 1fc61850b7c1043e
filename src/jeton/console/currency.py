"""Currency: amounts of the pages of usage and cost in another currency, at a rate that they name.

The ledger, the files that programs read and every document stay as they are: what is shown here is a dollar
amount times the rate in force today, rounded once to nine decimals, and says so.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.requests import Request

from jeton import clock
from jeton.billing.currencies import currency_sign, minor_digits
from jeton.billing.invoicing.profiles import find_display_currency
from jeton.billing.invoicing.rates import LEDGER_CURRENCY, find_rate
from jeton.console.choices import CHOICES, Shown
from jeton.db.pool import Pool
from jeton.money import display_usd, divide_half_even, parse_usd, render_exact, render_usd

# The pages that show amounts so; others say what was posted, billed or paid, in the currency of that.
PLACES = frozenset({"/console", "/console/usage", "/console/cost", "/console/requests"})
_FILES = re.compile(r"\.(json|csv)$")
_GROUPS = frozenset({"saved", "unit_costs"})


@dataclass(frozen=True, slots=True)
class Converted:
    """An amount of dollars in nano of the currency that is shown."""

    nano: int
    shown: Shown


def is_shown_at(path: str) -> bool:
    """Whether a page, its twin or its CSV may be in another currency."""
    return _FILES.sub("", path) in PLACES


async def choose_currency(pool: Pool, request: Request, organization_id: UUID) -> None:
    """Find the rate for the currency that is chosen, where this page may have it; UnknownCurrencyError.

    The address goes before the browser's choice, and that before the organization's. Where the operator has
    noted none, the page stays in dollars and says what is missing.
    """
    if not is_shown_at(request.url.path):
        return
    choices = CHOICES.get()
    if not choices.has_own_currency:
        async with pool.connection() as connection:
            own = await find_display_currency(connection, organization_id) or LEDGER_CURRENCY
        is_in_address = bool(request.query_params.get("currency", "").strip())
        choices = replace(choices, own_currency=own, currency=choices.currency if is_in_address else own)
        CHOICES.set(choices)
    if choices.currency == LEDGER_CURRENCY:
        return
    minor_digits(choices.currency)
    on = clock.now().astimezone(ZoneInfo("UTC")).date()
    async with pool.connection() as connection:
        found = await find_rate(connection, choices.currency, on)
    if found is None:
        CHOICES.set(replace(choices, shown=Shown(choices.currency, None, on, "")))
    else:
        CHOICES.set(replace(choices, shown=Shown(found.currency, found.rate, found.from_on, found.source)))


def convert(nano: int) -> Converted | None:
    """A dollar amount in the currency that is shown, half-even; None where that is dollars."""
    shown = CHOICES.get().shown
    if shown is None or shown.rate is None:
        return None
    return Converted(divide_half_even(nano * shown.rate.numerator, shown.rate.denominator), shown)


def display_amount(nano: int) -> str:
    """A dollar amount for people, in the currency that is shown: ``$0.029``, ``€0.0267235``."""
    converted = convert(nano)
    return display_usd(nano) if converted is None else display_in(converted.nano, converted.shown.currency)


def display_in(nano: int, currency: str) -> str:
    """Nano of a currency for people: ``-€1,234.50``, ``CHF 0.029``."""
    return display_usd(nano).replace("$", currency_sign(currency), 1)


def render_shown() -> dict[str, object] | None:
    """What a twin says of the currency; None in dollars."""
    shown = CHOICES.get().shown
    if shown is None:
        return None
    return {
        "currency": shown.currency,
        "rate": None if shown.rate is None else render_exact(shown.rate),
        "from_on": shown.from_on.isoformat() if shown.rate is not None else None,
        "source": shown.source or None,
    }


def add_currency(data: object) -> object:
    """A twin with its amounts in the currency that is shown beside each amount of dollars."""
    shown = CHOICES.get().shown
    if shown is None or not isinstance(data, Mapping):
        return data
    if shown.rate is None:
        return {**data, "display_currency": render_shown()}
    return {**_add(data, shown.currency.lower()), "display_currency": render_shown()}


def _add(data: Mapping[str, object], suffix: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in data.items():
        match value:
            case Mapping() if name in _GROUPS:
                found[name] = value
                found[f"{name}_{suffix}"] = {key: convert_text(text) for key, text in value.items()}
            case Mapping():
                found[name] = _add(value, suffix)
            case list():
                found[name] = [_add(one, suffix) if isinstance(one, Mapping) else one for one in value]
            case str() if name.endswith("amount"):
                found[name] = value
                found[f"{name}_{suffix}"] = convert_text(value)
            case _:
                found[name] = value
    return found


def convert_text(text: object) -> str | None:
    """An exact amount of dollars as text, in the currency that is shown; None for what is no amount."""
    try:
        converted = convert(parse_usd(str(Decimal(str(text)))))
    except InvalidOperation:
        return None
    return None if converted is None else render_usd(converted.nano)


def add_columns(columns: Sequence[str]) -> tuple[tuple[str, ...], Callable[[Sequence[object]], list[object]]]:
    """A file's columns with those in the currency that is shown, and what a row has in them; dollars stay."""
    shown = CHOICES.get().shown
    if shown is None or shown.rate is None:
        return tuple(columns), lambda _: []
    places = [number for number, name in enumerate(columns) if name.endswith("_amount")]
    suffix, rate = shown.currency.lower(), render_exact(shown.rate)
    added = (*(f"{columns[number]}_{suffix}" for number in places), f"usd_{suffix}_rate", "rate_from_on")
    return (*columns, *added), lambda row: [
        *(convert_text(row[number]) for number in places),
        rate,
        shown.from_on.isoformat(),
    ]
