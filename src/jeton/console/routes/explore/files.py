"""Files: what a page of usage or cost shows, as CSV and as Parquet, of the same address and query."""

from starlette.requests import Request
from starlette.responses import Response

from jeton.console.currency import add_columns, choose_currency
from jeton.console.files.downloading import Endpoint, Sheet, download
from jeton.console.pages import SECURITY_HEADERS
from jeton.console.routes.explore.asking import read_question, read_report
from jeton.console.visit import Door, Visit
from jeton.errors import NotAuthenticatedError
from jeton.insight.explore.parquet import render_parquet
from jeton.insight.explore.question import Report
from jeton.insight.explore.rendering import list_columns, list_rows

# The type that IANA has on record for it.
PARQUET = "application/vnd.apache.parquet"


def make_csv(door: Door, name: str, *, default_group: str, width_max: int) -> Endpoint:
    """An endpoint that gives the page's rows as CSV."""

    async def make(visit: Visit) -> Sheet:
        report = await _read(visit, name, default_group, width_max)
        rows = [[_render_cell(value) for value in row] for row in list_rows(report)]
        await choose_currency(visit.deps.pool, visit.request, visit.session.organization_id)
        columns, more = add_columns(tuple(list_columns(report)))
        return Sheet(f"{name}.csv", columns, [[*row, *more(row)] for row in rows])

    return download(door, make)


def make_parquet(door: Door, name: str, *, default_group: str, width_max: int) -> Endpoint:
    """An endpoint that gives the page's rows as Parquet."""

    async def answer(request: Request) -> Response:
        visit = await door.find_visit(request)
        if visit is None:
            raise NotAuthenticatedError("Sign in to the Console first.")
        report = await _read(visit, name, default_group, width_max)
        headers = {**SECURITY_HEADERS, "content-disposition": f'attachment; filename="{name}.parquet"'}
        return Response(render_parquet(report), headers=headers, media_type=PARQUET)

    async def endpoint(request: Request) -> Response:
        return await door.guard(request, answer(request))

    return endpoint


async def _read(visit: Visit, name: str, default_group: str, width_max: int) -> Report:
    asked = read_question(
        visit, default_group=default_group, width_max=width_max, has_minutes=name == "usage"
    )
    async with visit.deps.pool.connection() as connection:
        return await read_report(connection, asked)


def _render_cell(value: object) -> object:
    if value is None:
        return ""
    return value.isoformat() if hasattr(value, "isoformat") else value
