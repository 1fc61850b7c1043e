"""Watching: charges on a terminal as they are settled, or as lines of JSON in a pipe."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from jeton.cli.options import make_console
from jeton.cli.session import choose_organization, open_database
from jeton.insight.live.feed import Feed
from jeton.insight.requests import ListedCharge, render_charge
from jeton.money import display_usd
from jeton.settings import load_settings

MODEL_CHARS = 22


@dataclass(frozen=True, slots=True)
class Watch:
    """Whose charges are followed, how they are printed, and after how many it ends (0: never)."""

    organization: UUID | None
    model: str
    count: int
    is_json: bool


def watch_charges(wanted: Watch) -> None:
    """Print charges as they are settled, until as many were printed as wanted or the process is ended."""
    asyncio.run(_follow(wanted))


async def _follow(wanted: Watch) -> None:
    async with open_database(load_settings()) as pool:
        async with pool.connection() as connection:
            organization_id = await choose_organization(connection, wanted.organization)
        console, printed = make_console(), 0
        async with Feed(pool).listen(organization_id) as listener:
            while found := await listener.wait():
                for ended in found:
                    if wanted.model and ended.charge.model != wanted.model:
                        continue
                    _print(ended.charge, console, is_json=wanted.is_json)
                    printed += 1
                    if printed == wanted.count:
                        return


def _print(charge: ListedCharge, console: Console, *, is_json: bool) -> None:
    if is_json:
        # Line by line, so that the reader of a pipe has each when it comes.
        typer.echo(msgspec.json.encode(render_charge(charge)).decode())
        return
    counts = (charge.input_tokens, charge.cache_read_input_tokens, charge.output_tokens)
    read = " / ".join("?" if count is None else f"{count:,}" for count in counts)
    net, saved = display_usd(charge.net_nano), display_usd(charge.saved_nano)
    held = display_usd(charge.held_nano)
    console.print(
        f"{charge.ended_at:%H:%M:%S}  {escape(charge.model):<{MODEL_CHARS}}  {net:>12} of {held} held"
        f"  saved {saved:>12}  {read} tokens  {charge.state}  {charge.request_id}"
    )
