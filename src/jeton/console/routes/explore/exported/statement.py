"""Statement: the SQL behind a page of usage or cost, for whoever can reach the database: the operator."""

from starlette.requests import Request
from starlette.responses import Response

from jeton.console.errors import InvalidFilterError
from jeton.console.files.downloading import Endpoint
from jeton.console.pages import SECURITY_HEADERS
from jeton.console.routes.explore.asking import read_question
from jeton.console.visit import Door
from jeton.errors import NotAuthenticatedError
from jeton.insight.statements.sql import render_sql


def make_sql(door: Door, *, default_group: str, width_max: int) -> Endpoint:
    """An endpoint that shows the statement of the page's address as text, to be copied."""

    async def answer(request: Request) -> Response:
        visit = await door.find_visit(request)
        if visit is None:
            raise NotAuthenticatedError("Sign in to the Console first.")
        visit.require_operator()
        asked = read_question(visit, default_group=default_group, width_max=width_max)
        if not asked.is_of_usage:
            raise InvalidFilterError(
                "token_class" if asked.filters.token_class else "state",
                "is not asked of the database in one statement: take it out of the address",
            )
        async with visit.deps.pool.connection() as connection:
            text = await render_sql(connection, asked.question)
        return Response(text, headers=SECURITY_HEADERS, media_type="text/plain; charset=utf-8")

    async def endpoint(request: Request) -> Response:
        return await door.guard(request, answer(request))

    return endpoint
