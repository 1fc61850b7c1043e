"""``jeton invoices profile | rate | rates``: whom documents are for, and what a dollar is worth."""

import asyncio
import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from jeton import clock
from jeton.billing.invoicing.profiles import ProfileChange, change_profile, get_profile
from jeton.billing.invoicing.rates import RateNote, list_rates, note_rate
from jeton.billing.invoicing.words import ExchangeRate, Profile
from jeton.cli.credits.operator import By, Json, Reason, make_actor
from jeton.cli.invoices.showing import Organization
from jeton.cli.options import make_console
from jeton.cli.session import choose_organization, open_database
from jeton.errors import InvalidInputError
from jeton.identity.audit import Actor
from jeton.money import parse_usd, render_exact, render_usd
from jeton.settings import load_settings


class ProfileFieldError(InvalidInputError):
    """A field that billing profiles do not have, or a value that it cannot have."""

    code = "invalid_profile_field"

    def __init__(self, text: str) -> None:
        """Show what was given, and the fields there are."""
        names = ", ".join(_TEXTS + _NUMBERS + ("emails", "minimum"))
        super().__init__(f"{text!r} is not FIELD=VALUE with one of the fields {names}.")


_TEXTS = (
    "legal_name", "street", "city", "postal_code", "country", "vat_number", "registration", "currency",
    "zone", "purchase_order", "tax_category", "tax_reason", "display_currency",
)  # fmt: skip
_NUMBERS = ("anchor_day", "net_days", "grace_days")


def profile_command(
    fields: Annotated[
        list[str] | None, typer.Argument(help="What to change, as FIELD=VALUE; shown without.")
    ] = None,
    *,
    organization: Organization = None,
    reason: Reason = "entered by the operator",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Show the billing profile of an organization, or change it for documents that are made from now on."""
    change = parse_change(fields or []) if fields else None
    profile = asyncio.run(_profile(organization, change, reason, make_actor(by)))
    values = {**asdict(profile), "minimum_nano": render_usd(profile.minimum_nano)}
    if as_json:
        typer.echo(json.dumps(values, indent=2, default=str))
        return
    table = Table("field", "value", box=None)
    for name, value in values.items():
        table.add_row(
            name.removesuffix("_nano"), ", ".join(value) if isinstance(value, tuple) else str(value)
        )
    make_console().print(table)


def rate_command(
    currency: Annotated[str, typer.Argument(help="An ISO 4217 code, such as EUR.")],
    rate: Annotated[str, typer.Argument(help="How many units of it a dollar is: 0.9215")],
    *,
    from_on: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="From this day on.")],
    source: Annotated[str, typer.Option(help="Where it is from, such as ECB reference rate.")],
    by: By = "",
) -> None:
    """Note an exchange rate; noting one for the same day again corrects it."""
    note = RateNote(currency.upper(), rate, from_on.date(), source)
    noted = asyncio.run(_note(note, make_actor(by)))
    typer.echo(f"{noted.rate_id}: 1 USD is {rate} {noted.currency} from {noted.from_on} on.")


def rates_command(*, as_json: Json = False) -> None:
    """List the exchange rates that were noted, the latest first."""
    found = asyncio.run(_rates())
    if as_json:
        values = [{**asdict(one), "rate": render_exact(one.rate)} for one in found]
        typer.echo(json.dumps(values, indent=2, default=str))
        return
    table = Table("currency", "from", "for a dollar", "source", "noted by")
    for one in found:
        table.add_row(one.currency, str(one.from_on), render_exact(one.rate), one.source, one.noted_by)
    make_console().print(table)


def parse_change(fields: list[str]) -> ProfileChange:
    """The change that these FIELD=VALUE ask for; raises ProfileFieldError."""
    values: dict[str, object] = {}
    for text in fields:
        name, sign, value = text.partition("=")
        if not sign:
            raise ProfileFieldError(text)
        if name in _TEXTS:
            values[name] = value
        elif name in _NUMBERS and value.removeprefix("-").isdecimal():
            values[name] = int(value)
        elif name == "emails":
            values[name] = tuple(part.strip() for part in value.split(",") if part.strip())
        elif name == "minimum":
            values["minimum_nano"] = parse_usd(value)
        else:
            raise ProfileFieldError(text)
    return ProfileChange(**values)  # type: ignore[arg-type] # each as its field wants it


async def _profile(
    organization: UUID | None, change: ProfileChange | None, reason: str, by: Actor
) -> Profile:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        organization_id = await choose_organization(connection, organization)
        if change is None:
            return await get_profile(connection, organization_id)
        return await change_profile(connection, organization_id, change, by=by, reason=reason, at=clock.now())


async def _note(note: RateNote, by: Actor) -> ExchangeRate:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await note_rate(connection, note, by=by, at=clock.now())


async def _rates() -> list[ExchangeRate]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await list_rates(connection)
