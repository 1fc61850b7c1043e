"""``jeton limits``: list, set and clear rate limits."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from rich.table import Table

from jeton.charging.limits.keeping import Place, clear_limits, set_limits
from jeton.charging.limits.terms import GroupLimits, LimitTerms, list_in_force, make_terms
from jeton.cli.credits.operator import By, Json, make_actor
from jeton.cli.options import chosen_settings, make_console
from jeton.cli.session import choose_organization, open_database
from jeton.db.pool import Connection
from jeton.errors import NotFoundError
from jeton.limits.errors import InvalidLimitError
from jeton.limits.words import EVERY_GROUP, UNLIMITED, Limits
from jeton.pricing.loading import load_book

app = typer.Typer(help="Limit how fast an organization or a workspace may go.", no_args_is_help=True)

_Result = TypeVar("_Result")

Organization = Annotated[
    UUID | None, typer.Option("--organization", help="The organization's id; needed when there are several.")
]
Workspace = Annotated[str, typer.Option("--workspace", help="The further limits of this workspace: wrkspc_…")]
Group = Annotated[str, typer.Argument(help="The group of models: opus, sonnet; '*' is each without its own.")]
PerMinute = Annotated[int | None, typer.Option(help="The most in a minute; without it there is no limit.")]


@app.command("list")
def list_command(
    *, workspace: Workspace = "", organization: Organization = None, as_json: Json = False
) -> None:
    """List the limits in force by group of models, and who set them."""
    terms = _make_terms()

    async def read(connection: Connection, organization_id: UUID) -> list[GroupLimits]:
        return await list_in_force(connection, organization_id, terms, workspace_id=workspace or None)

    _print(asyncio.run(_work(read, organization)), as_json=as_json)


@app.command("set")
def set_command(
    group: Group,
    *,
    requests: PerMinute = None,
    input_tokens: PerMinute = None,
    output_tokens: PerMinute = None,
    is_unlimited: Annotated[bool, typer.Option("--unlimited", help="No limit at all.")] = False,
    workspace: Workspace = "",
    organization: Organization = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Set the limits of a group; they replace those that were set for it, at once and on every node."""
    limits = Limits(requests, input_tokens, output_tokens)
    if (limits == UNLIMITED) != is_unlimited:
        raise InvalidLimitError("Say which limits, or that there are none with --unlimited, and not both.")
    terms = _make_terms()
    if group != EVERY_GROUP and group not in terms.list_groups():
        known = ", ".join(sorted(terms.list_groups()))
        raise InvalidLimitError(f"No model is in the group {group}; there are {known}.")

    async def change(connection: Connection, organization_id: UUID) -> list[GroupLimits]:
        place = Place(organization_id, workspace or None, group)
        await set_limits(connection, place, limits, by=make_actor(by))
        return await list_in_force(connection, organization_id, terms, workspace_id=workspace or None)

    _print(asyncio.run(_work(change, organization)), as_json=as_json)


@app.command("clear")
def clear_command(
    group: Group,
    *,
    workspace: Workspace = "",
    organization: Organization = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Take limits away that were set, so that those of the configuration are in force again."""
    terms = _make_terms()

    async def clear(connection: Connection, organization_id: UUID) -> list[GroupLimits]:
        place = Place(organization_id, workspace or None, group)
        if not await clear_limits(connection, place, by=make_actor(by)):
            raise NotFoundError(f"No limits were set for the group {group} there.")
        return await list_in_force(connection, organization_id, terms, workspace_id=workspace or None)

    _print(asyncio.run(_work(clear, organization)), as_json=as_json)


def _make_terms() -> LimitTerms:
    settings = chosen_settings()
    book = load_book(*settings.prices_dir)
    return make_terms(settings.limits_by_group, dict(settings.rate_limit_groups), book=book)


async def _work(
    task: Callable[[Connection, UUID], Awaitable[_Result]], organization_id: UUID | None
) -> _Result:
    async with open_database(chosen_settings()) as pool, pool.connection() as connection:
        return await task(connection, await choose_organization(connection, organization_id))


def _print(groups: list[GroupLimits], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([_render(group) for group in groups], indent=2))
        return
    table = Table("group", "requests / min", "input tokens / min", "output tokens / min", "set by", "models")
    for group in groups:
        shown = ["–" if limit is None else f"{limit:,}" for _, limit in group.limits.by_kind]
        setter = group.set_by or ("" if group.limits == UNLIMITED else "configuration")
        table.add_row(group.group, *shown, setter, ", ".join(group.models))
    make_console().print(table)


def _render(group: GroupLimits) -> dict[str, object]:
    limits = {f"{kind}_per_minute": limit for kind, limit in group.limits.by_kind}
    return {"group": group.group, **limits, "set_by": group.set_by, "models": list(group.models)}
