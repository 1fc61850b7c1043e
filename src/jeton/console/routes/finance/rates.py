"""Rates: what a dollar is worth in the currencies of documents, with who noted it and from where."""

from collections.abc import Mapping

from jeton import clock
from jeton.billing.invoicing.rates import RateNote, list_rates, note_rate
from jeton.console.routes.finance.documents import PLACE as DOCUMENTS
from jeton.console.routes.finance.reading import read_day
from jeton.console.routes.operating.inbox import operator
from jeton.console.visit import View, Visit
from jeton.money import render_exact

PLACE = f"{DOCUMENTS}/rates"


async def show_rates(visit: Visit) -> View:
    """Every rate that was noted, the newest day first."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        rates = await list_rates(connection)
    at = clock.now()
    data = {
        "type": "exchange_rate_list",
        "as_of": at.isoformat(),
        "data": [
            {
                "id": one.rate_id,
                "currency": one.currency,
                "from_on": one.from_on.isoformat(),
                "rate_per_usd": render_exact(one.rate),
                "source": one.source,
                "noted_at": one.noted_at.isoformat(),
                "noted_by": one.noted_by,
            }
            for one in rates
        ],
    }
    return View("finance/rates.html", {"as_of": at, "rates": rates, "today": at.date()}, data)


async def note(visit: Visit, form: Mapping[str, str]) -> str:
    """Note a rate from a day on; documents that were issued keep theirs."""
    visit.require_operator()
    asked = RateNote(
        currency=form.get("currency", "").strip().upper(),
        rate=form.get("rate", "").strip(),
        from_on=read_day(form, "from_on"),
        source=form.get("source", "").strip(),
    )
    async with visit.deps.pool.connection() as connection, connection.transaction():
        await note_rate(connection, asked, by=operator(visit), at=clock.now())
    return PLACE
