"""Gathering: everything that a search can find: the documentation, the API reference, prices and the FAQ.

What is measured is not among it: a health of an hour ago in a snippet would be worse than none.
"""

from collections.abc import Callable, Iterable, Iterator

from jeton import clock
from jeton.pricing.book import PriceBook
from jeton.site.documents import Documents, Section
from jeton.site.faq.sections import split_faq
from jeton.site.pages import display_rate, make_slug
from jeton.site.prices.table import COLUMNS, list_model_prices
from jeton.site.reference.description import Description, Field, load_description

API, API_TITLE = "api", "API reference"
OBJECTS = "api/objects"
PRICING, PRICING_TITLE = "pricing", "Pricing"


def gather(documents: Documents, book: PriceBook, render_faq: Callable[[], str]) -> Iterator[Section]:
    """Every section."""
    yield from documents.sections
    yield from list_api_sections(load_description())
    yield from list_price_sections(book)
    yield from split_faq(render_faq())


def list_api_sections(description: Description) -> Iterator[Section]:
    """Every group, path and object of the API, with the anchors of the reference."""
    for tag, text in description.tags:
        yield Section(API, make_slug(tag), API_TITLE, tag, text)
        for operation in description.list_tagged(tag):
            said = f"{operation.method} {operation.path} {operation.text} {_join(operation.query)}"
            yield Section(API, operation.operation_id, API_TITLE, operation.title, said)
    for schema in description.schemas:
        yield Section(OBJECTS, schema.name, API_TITLE, schema.name, f"{schema.text} {_join(schema.fields)}")


def list_price_sections(book: PriceBook) -> Iterator[Section]:
    """Every model with a price in force, with its standard prices for the shortest prompts."""
    for price in list_model_prices(book, clock.now()):
        rates = price.bands[0].standard
        parts = [f"{column.value} {display_rate(rates[column.value])}" for column in COLUMNS]
        text = (
            f"{price.model}, price version {price.price_version_id}. "
            f"US dollars per million tokens: {', '.join(parts)}."
        )
        yield Section(PRICING, "standard", PRICING_TITLE, price.display_name, text)


def _join(fields: Iterable[Field]) -> str:
    return " ".join(f"{field.name}: {field.text}" for field in fields)
