"""Price files: the prices in force as JSON, CSV and Markdown, from the table of the pricing page."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.money import NANO_PER_USD, render_exact
from jeton.pricing.book import PriceBook
from jeton.site.live.prices import list_price_changes, render_price_changes
from jeton.site.pages import SECURITY_HEADERS
from jeton.site.prices.table import COLUMNS, BandRates, ModelPrices, Rates, list_model_prices

KINDS = ("standard", "batch", "fast", "us")
_HEAD = (
    "model",
    "display_name",
    "price_version",
    "from_on",
    "kind",
    "prompt_tokens_max",
    *(f"{column.value}_per_mtok" for column in COLUMNS),
)


def price_file_routes(book: PriceBook) -> list[BaseRoute]:
    """The prices to take along."""

    async def send_json(request: Request) -> Response:
        del request
        return JSONResponse(render_prices(book, clock.now()), headers=dict(SECURITY_HEADERS))

    async def send_csv(request: Request) -> Response:
        del request
        text = io.StringIO()
        csv.writer(text).writerows([_HEAD, *_list_rows(book, clock.now())])
        headers = {**SECURITY_HEADERS, "content-disposition": 'attachment; filename="prices.csv"'}
        return Response(text.getvalue(), media_type="text/csv", headers=headers)

    async def send_markdown(request: Request) -> Response:
        del request
        text = "\n".join(render_price_list(book, clock.now())) + "\n"
        return Response(text, media_type="text/markdown", headers=dict(SECURITY_HEADERS))

    return [
        Route("/pricing.json", send_json, methods=["GET"]),
        Route("/pricing.csv", send_csv, methods=["GET"]),
        Route("/pricing.md", send_markdown, methods=["GET"]),
    ]


def render_prices(book: PriceBook, at: datetime) -> dict[str, object]:
    """Every model with a price in force; rates are exact dollars per million tokens, as text."""
    return {
        "type": "price_list",
        "currency": "USD",
        "as_of": at.isoformat(),
        "unit": "dollars per million tokens; web searches per 1,000",
        "data": [_render_model(price) for price in list_model_prices(book, at)],
    }


def _render_model(price: ModelPrices) -> dict[str, object]:
    return {
        "model": price.model,
        "display_name": price.display_name,
        "lifecycle": price.lifecycle,
        "retires_on": None if price.retires_on is None else price.retires_on.isoformat(),
        "price_version": price.price_version_id,
        "digest": price.digest,
        "from_on": price.from_on.isoformat(),
        "next_from_on": None if price.next is None else price.next.from_on.isoformat(),
        "web_search_per_1000": _dollars(price.web_search_per_1000),
        "bands": [
            {
                "prompt_tokens_max": band.prompt_tokens_max,
                **{kind: _render_rates(rates) for kind, rates in _list_kinds(band)},
            }
            for band in price.bands
        ],
    }


def _list_rows(book: PriceBook, at: datetime) -> Iterator[tuple[str, ...]]:
    for price in list_model_prices(book, at):
        known = (price.model, price.display_name, price.price_version_id, price.from_on.isoformat())
        for band in price.bands:
            limit = "" if band.prompt_tokens_max is None else str(band.prompt_tokens_max)
            for kind, rates in _list_kinds(band):
                if rates is not None:
                    yield (*known, kind, limit, *(_dollars(rates[column.value]) for column in COLUMNS))


def render_price_list(book: PriceBook, at: datetime) -> Iterator[str]:
    """Every price in force as Markdown, with its dates, line by line."""
    yield "# Pricing"
    yield ""
    yield f"US dollars per million tokens. As of {at:%Y-%m-%d %H:%M:%S} UTC."
    yield ""
    yield f"| {' | '.join(_HEAD)} |"
    yield f"|{'---|' * len(_HEAD)}"
    for row in _list_rows(book, at):
        yield f"| {' | '.join(row)} |"
    yield ""
    yield "Web searches, beside the tokens, per 1,000:"
    yield ""
    for price in list_model_prices(book, at):
        if price.lifecycle != "retired":
            yield f"- `{price.model}`: {_dollars(price.web_search_per_1000)}"
    yield ""
    yield "## Versions and changes"
    yield ""
    yield render_price_changes(list_price_changes(book), at)


def _list_kinds(band: BandRates) -> tuple[tuple[str, Rates | None], ...]:
    return tuple(zip(KINDS, (band.standard, band.batch, band.fast, band.us), strict=True))


def _render_rates(rates: Rates | None) -> dict[str, str] | None:
    return None if rates is None else {name: _dollars(rate) for name, rate in rates.items()}


def _dollars(rate: Fraction) -> str:
    return render_exact(rate / NANO_PER_USD)
