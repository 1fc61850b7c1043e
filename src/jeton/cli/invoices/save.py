"""``jeton invoices save``: a document as a file: PDF, XML in two syntaxes, lines, or its bundle."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from jeton.app.billing.paper import make_look
from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.paper.files import BUNDLE, FORMS, make_file, name_file, save_bundle
from jeton.cli.session import open_database
from jeton.settings import Settings, load_settings


class Shape(StrEnum):
    """What is saved."""

    PDF = "pdf"
    XML = "xml"
    UBL = "ubl"
    CSV = "csv"
    BUNDLE = "bundle"


def save(
    number: Annotated[str, typer.Argument(help="The number or the id of a document")],
    *,
    shape: Annotated[Shape, typer.Option("--as", help="What to save.")] = Shape.PDF,
    folder: Annotated[Path, typer.Option("--to", help="The folder to save it in.")] = Path(),
) -> None:
    """Save a document as PDF, XML (EN 16931: CII, UBL), CSV of its lines, or the bundle that verifies it."""
    typer.echo(str(asyncio.run(_save(load_settings(), number, shape, folder))))


async def _save(settings: Settings, number: str, shape: Shape, folder: Path) -> Path:
    look = make_look(settings)
    async with open_database(settings) as pool, pool.connection() as connection:
        async with connection.transaction():
            document = await get_document(connection, number)
        if shape is Shape.BUNDLE:
            path = folder / name_file(document, BUNDLE)
            with path.open("wb") as file:
                await save_bundle(connection, document, file, look)
            return path
        made = make_file(document, FORMS[shape.value], look)
        path = folder / made.name
        path.write_bytes(made.content)
        return path
