"""Downloading: rows as a file, for whoever may see the page with the same rows.

Comma-separated values for people's programs, JSON Lines for programs that check them.
"""

import csv
import io
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from jeton.console.pages import SECURITY_HEADERS
from jeton.console.visit import Door, Visit
from jeton.errors import NotAuthenticatedError

# A cell that begins like this is a formula to a program for tables.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file: its name, the head of its columns, and its rows."""

    name: str
    columns: Sequence[str]
    rows: Iterable[Sequence[object]]


@dataclass(frozen=True, slots=True)
class Lines:
    """A file of JSON Lines: its name, and an object a line."""

    name: str
    objects: Sequence[object]


Make = Callable[[Visit], Awaitable[Sheet | Lines]]
Endpoint = Callable[[Request], Awaitable[Response]]


def download(door: Door, make: Make) -> Endpoint:
    """An endpoint that answers with what ``make`` makes, or with the page of its error."""

    async def answer(request: Request) -> Response:
        visit = await door.find_visit(request)
        if visit is None:
            raise NotAuthenticatedError("Sign in to the Console first.")
        made = await make(visit)
        headers = {**SECURITY_HEADERS, "content-disposition": f'attachment; filename="{made.name}"'}
        if isinstance(made, Lines):
            body = msgspec.json.Encoder().encode_lines(made.objects)
            return Response(body, headers=headers, media_type="application/jsonl")
        return Response(render_sheet(made), headers=headers, media_type="text/csv; charset=utf-8")

    async def endpoint(request: Request) -> Response:
        return await door.guard(request, answer(request))

    return endpoint


def render_sheet(sheet: Sheet) -> str:
    """The file's text; texts that a program would take for a formula begin with an apostrophe."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(sheet.columns)
    rows.writerows([_tame(cell) for cell in row] for row in sheet.rows)
    return text.getvalue()


def _tame(cell: object) -> object:
    if isinstance(cell, str) and cell.startswith(_FORMULA) and not _is_number(cell):
        return f"'{cell}"
    return cell


def _is_number(text: str) -> bool:
    """Whether a text is a plain decimal, which may be negative."""
    digits = text.removeprefix("-").replace(".", "", 1)
    return digits.isascii() and digits.isdecimal()
