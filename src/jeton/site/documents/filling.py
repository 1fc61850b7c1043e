"""Filling: the tables of pages that are made from what the code decides by, so neither can be wrong alone."""

from jeton.metering.contract import CONTRACT
from jeton.site.documents.event_table import render_events

CONTRACT_MARK = "[[billing contract]]"
EVENTS_MARK = "[[event catalogue]]"


def fill_in(source: str) -> str:
    """The source with its live tables."""
    if EVENTS_MARK in source:
        source = source.replace(EVENTS_MARK, render_events())
    if CONTRACT_MARK in source:
        source = source.replace(CONTRACT_MARK, _render_contract())
    return source


def _render_contract() -> str:
    rows = [f"| `{rule}` | {clause.when} | {clause.pays} |" for rule, clause in CONTRACT.items()]
    return "\n".join(("| rule | when | what is charged |", "|---|---|---|", *rows))
