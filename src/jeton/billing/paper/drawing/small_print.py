"""Small print: by which rules the amounts came about, and how anybody checks them."""

from jeton.billing.paper.standard.limits import find_obstacle
from jeton.billing.words import Document
from jeton.money import render_exact

_ROUNDING = (
    "Each line is rounded once to whole minor units of the currency, halves to the even neighbour; where the"
    " rounded lines would not add up to the exact sum, the lines with the largest remainders take the"
    " difference. Tax is figured once for each category and rate, from the rounded lines, rounded likewise."
)
_DRAFT = "Usage may still be added until this document is issued and has a number."
_VERIFY = (
    "Its bundle has every request behind every line: “jeton invoices verify FILE” rates each one again at the"
    " prices in force when it was made, on your own machine, and names any line that differs."
)


def describe_small_print(document: Document) -> list[list[str]]:
    """Pairs of a heading and its sentences."""
    found = [["Rounding.", _ROUNDING]]
    if document.currency != "USD":
        rate = f"1 USD = {render_exact(document.rate)} {document.currency} for the whole of this document."
        found.append(["Exchange rate.", f"Prices are kept in US dollars. {rate}"])
    if document.state == "draft":
        return [*found, ["Draft.", _DRAFT]]
    obstacle = find_obstacle(document)
    data = (
        "This file carries the same document as data for your accounting (factur-x.xml, EN 16931)."
        if obstacle is None
        else f"It carries no EN 16931 data: {obstacle}"
    )
    return [*found, ["How to verify.", f"{data} {_VERIFY}"]]
