"""``jeton invoices verify``: a bundle recomputed from its receipts, on any machine, without a database."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jeton.billing.currencies import render_minor
from jeton.billing.paper.bundle.findings import Findings
from jeton.billing.paper.bundle.verifying import verify_bundle
from jeton.billing.words import Document
from jeton.cli.options import make_console
from jeton.money import render_usd

EXIT_DIFFERENT = 1


def verify(
    file: Annotated[Path, typer.Argument(help="The bundle of a document: NUMBER.zip")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Recompute a document from the receipts in its bundle, offline; 1 if any number differs."""
    document, findings = verify_bundle(file)
    if as_json:
        typer.echo(json.dumps(_render(document, findings), indent=2))
    else:
        _print(document, findings, make_console())
    if not findings.is_sound:
        raise typer.Exit(EXIT_DIFFERENT)


def _render(document: Document, findings: Findings) -> dict[str, object]:
    failed = set(findings.failed())
    return {
        "document_id": document.document_id,
        "number": document.number,
        "currency": document.currency,
        "total": render_minor(document.total_minor, document.currency),
        "net_usd": render_usd(document.net_nano),
        "is_sound": findings.is_sound,
        "checks": [
            {
                "name": name,
                "compared": count,
                "is_sound": name not in failed,
                "note": findings.notes.get(name, ""),
            }
            for name, count in findings.checks.items()
        ],
        "differences": [
            {"check": one.check, "where": one.where, "stated": one.stated, "found": one.found}
            for one in findings.differences
        ],
        "more_differences": findings.more,
    }


def _print(document: Document, findings: Findings, console: Console) -> None:
    total = f"{render_minor(document.total_minor, document.currency)} {document.currency}"
    console.print(f"[bold]{escape(document.number)}[/bold], {total}, {escape(document.buyer.name)}")
    table = Table("checked", "compared", "", "note", box=None, pad_edge=False)
    failed = set(findings.failed())
    for name, count in findings.checks.items():
        result = "[bold red]DIFFERS[/bold red]" if name in failed else "right" if count else "-"
        table.add_row(escape(name), f"{count:,}", result, escape(findings.notes.get(name, "")))
    console.print(table)
    for difference in findings.differences:
        console.print(f"[bold red]DIFFERS[/bold red] {escape(str(difference))}")
    if findings.more:
        console.print(f"… and {findings.more:,} more.")
    if findings.is_sound:
        console.print(f"Every number of {escape(document.number)} is what its receipts come to.")
