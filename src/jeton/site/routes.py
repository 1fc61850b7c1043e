"""Routes: the public pages."""

from datetime import datetime

import psycopg
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.insight.contract.terms import read_own_terms
from jeton.site.asking.answering import Answering
from jeton.site.asking.page import Asking
from jeton.site.asking.sources import Sources
from jeton.site.contact import Contact
from jeton.site.deps import SiteDeps
from jeton.site.documentation import document_routes
from jeton.site.documents import Documents
from jeton.site.faq.page import Faq
from jeton.site.feedback.page import Feedback
from jeton.site.feedback.targets import Targets
from jeton.site.files import file_routes
from jeton.site.pages import PRIVATE, Pages
from jeton.site.prices.files import price_file_routes
from jeton.site.prices.stacking import find_sample
from jeton.site.prices.table import COLUMNS, find_announced, list_model_prices
from jeton.site.reference.page import reference_routes
from jeton.site.support import support_routes


def site_routes(deps: SiteDeps) -> list[BaseRoute]:
    """The site's routes. The Console's pages use the files under /static too."""
    pages, documents = Pages(deps), Documents()
    site, faq = _Site(deps, pages), Faq(deps, pages)
    return [
        *_contact_routes(deps, pages),
        *support_routes(deps, pages),
        Route("/", site.show_landing, methods=["GET"]),
        Route("/pricing", site.show_pricing, methods=["GET"]),
        *price_file_routes(deps.book),
        Route("/faq", faq.show, methods=["GET"]),
        Route("/faq.md", faq.send_markdown, methods=["GET"]),
        Route("/faq/count", faq.count, methods=["POST"]),
        *_reader_routes(deps, documents, pages, faq=faq),
        *reference_routes(documents, pages),
        *document_routes(deps, documents, pages, render_faq=lambda: faq.render_markdown({}, deps.base_url)),
        *file_routes(pages, deps.mark),
    ]


def _reader_routes(deps: SiteDeps, documents: Documents, pages: Pages, *, faq: Faq) -> list[BaseRoute]:
    """Where readers ask, and say whether a page helped."""
    routes: list[BaseRoute] = []
    if deps.has_ask_docs:
        sources = Sources(documents, lambda: faq.render_markdown({}, deps.base_url))
        answering = Answering(sources, deps.writer, deps.pool)
        routes += Asking(documents, pages, answering).list_routes()
    if deps.pool is not None:
        targets = Targets(documents)
        routes += Feedback(deps.pool, pages, targets, find_reader=deps.find_reader).list_routes()
    return routes


def _contact_routes(deps: SiteDeps, pages: Pages) -> list[BaseRoute]:
    """Where people write to sales, if what they write can be kept."""
    if deps.pool is None:
        return []
    contact = Contact(deps, deps.pool, pages)
    return [
        Route("/contact-sales", contact.show, methods=["GET"]),
        Route("/contact-sales", contact.send, methods=["POST"]),
    ]


class _Site:
    def __init__(self, deps: SiteDeps, pages: Pages) -> None:
        self._deps = deps
        self._pages = pages

    async def show_landing(self, request: Request) -> Response:
        """What this is, and the first request to send."""
        sample = find_sample(self._deps.book, clock.now())
        return self._pages.answer(request, "landing.html", {"sample": sample})

    async def show_pricing(self, request: Request) -> Response:
        """Every price in force, rendered from the price book."""
        at = clock.now()
        prices = list_model_prices(self._deps.book, at)
        context = {
            "as_of": at,
            "columns": COLUMNS,
            "prices": [price for price in prices if price.lifecycle != "retired"],
            "retired": [price for price in prices if price.lifecycle == "retired"],
            "announced": find_announced(self._deps.book, at),
            "agreed_by": await self._find_agreed(request, at),
        }
        answer = self._pages.answer(request, "pricing.html", context)
        if context["agreed_by"]:
            answer.headers.update(PRIVATE)
        return answer

    async def _find_agreed(self, request: Request, at: datetime) -> str:
        """The name of the reader's organization, if it pays otherwise than these prices say."""
        reader = await self._deps.find_reader(request)
        if reader is None or not reader.may_see_billing or self._deps.pool is None:
            return ""
        try:
            async with self._deps.pool.connection() as connection:
                own = await read_own_terms(connection, reader.organization_id)
        except psycopg.OperationalError:
            return ""
        return reader.organization_name if any(one.is_in_force(at) for one in own.terms) else ""
