"""Documentation: its routes; pages as HTML and as Markdown, one by one and whole, and its search."""

from collections.abc import Callable, Iterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.site.deps import SiteDeps
from jeton.site.documents import Document, Documents, Section, render
from jeton.site.documents.address import fill_address, fill_address_html
from jeton.site.live.blocks import LiveBlocks
from jeton.site.live.feed import list_entries, render_feed
from jeton.site.live.own import OwnBlocks, leave_out_own
from jeton.site.live.prices import list_price_changes
from jeton.site.pages import PRIVATE, SECURITY_HEADERS, Pages
from jeton.site.prices.files import render_price_list
from jeton.site.searching.gathering import gather
from jeton.site.searching.page import Search

MARKDOWN = "text/markdown"


def document_routes(
    deps: SiteDeps, documents: Documents, pages: Pages, *, render_faq: Callable[[], str]
) -> list[BaseRoute]:
    """Every address of the documentation; ``render_faq`` gives the FAQ as Markdown, for the search."""
    live = LiveBlocks(deps)
    shown = _Shown(deps, documents, pages, live=live, render_faq=render_faq)

    def list_sections() -> Iterator[Section]:
        return gather(documents, deps.book, render_faq)

    search = Search(documents, pages, list_sections=list_sections, pool=deps.pool)
    return [
        Route("/docs", shown.show_index, methods=["GET"]),
        Route("/docs/search", search.show, methods=["GET"]),
        Route("/docs/search.json", search.show, methods=["GET"]),
        Route("/docs/changelog.atom", shown.send_feed, methods=["GET"]),
        Route("/docs/{slug}", shown.show_document, methods=["GET"]),
        Route("/llms.txt", shown.send_list, methods=["GET"]),
        Route("/llms-full.txt", shown.send_everything, methods=["GET"]),
    ]


class _Shown:
    def __init__(
        self,
        deps: SiteDeps,
        documents: Documents,
        pages: Pages,
        *,
        live: LiveBlocks,
        render_faq: Callable[[], str],
    ) -> None:
        self._deps = deps
        self._live = live
        self._render_faq = render_faq
        self._own = OwnBlocks(deps)
        self._documents = documents
        self._pages = pages
        # Of each page with live parts the last that was made: most readers see the same.
        self._filled: dict[str, Document] = {}

    async def show_index(self, request: Request) -> Response:
        """The index of the documentation."""
        return self._pages.answer(request, "docs/index.html", {"groups": self._documents.groups})

    async def show_document(self, request: Request) -> Response:
        """One page of the documentation; with ``.md``, its source with what is live in it."""
        slug = request.path_params["slug"]
        document = self._documents.find(slug.removesuffix(".md"))
        if document is None:
            return self._pages.answer(request, "not_found.html", {}, status=404)
        document = await self._fill(document)
        base_url = self._pages.find_base_url(request)
        if slug.endswith(".md"):
            return _markdown(fill_address(leave_out_own(document.source), base_url))
        html = document.html
        reader = None
        if self._own.is_own(html):
            reader = await self._deps.find_reader(request)
            html = await self._own.fill(html, reader)
        before, after = self._documents.neighbours(slug)
        context = {
            "document": document,
            "html": fill_address_html(html, base_url),
            "groups": self._documents.groups,
            "before": before,
            "after": after,
        }
        answer = self._pages.answer(request, "docs/document.html", context)
        if reader is not None:
            answer.headers.update(PRIVATE)
        return answer

    async def _fill(self, document: Document) -> Document:
        """The page with its live parts, made anew only where one of them says something else now."""
        if not self._live.is_live(document.source):
            return document
        source = await self._live.fill(document.source)
        filled = self._filled.get(document.slug)
        if filled is None or filled.source != source:
            filled = self._filled[document.slug] = render(document.slug, source)
        return filled

    async def send_feed(self, request: Request) -> Response:
        """What changed in the software and in the price book, as Atom."""
        base_url, brand = self._pages.find_base_url(request), self._pages.brand_name
        changelog = self._documents.find("changelog")
        source = "" if changelog is None else changelog.source
        entries = list_entries(source, list_price_changes(self._deps.book))
        feed = render_feed(base_url, brand, entries=entries, at=clock.now())
        return Response(feed, media_type="application/atom+xml", headers=dict(SECURITY_HEADERS))

    async def send_list(self, request: Request) -> Response:
        """What there is, for programs that read: llms.txt as llmstxt.org describes it."""
        base_url, brand = self._pages.find_base_url(request), self._pages.brand_name
        return PlainTextResponse(
            "\n".join(_render_list(self._documents, brand, base_url)), headers=dict(SECURITY_HEADERS)
        )

    async def send_everything(self, request: Request) -> Response:
        """Every page in one file."""
        base_url = self._pages.find_base_url(request)
        pages = [
            _render_page(document.slug, (await self._fill(document)).source, base_url)
            for document in self._documents.list()
        ]
        pages.append(_render_page("faq", self._render_faq(), base_url, folder=""))
        prices = "\n".join(render_price_list(self._deps.book, clock.now()))
        pages.append(_render_page("pricing", prices, base_url, folder=""))
        return PlainTextResponse("\n\n".join(pages), headers=dict(SECURITY_HEADERS))


def _markdown(source: str) -> Response:
    return Response(source, media_type=MARKDOWN, headers=dict(SECURITY_HEADERS))


def _render_list(documents: Documents, brand: str, base_url: str) -> Iterator[str]:
    yield f"# {brand}"
    yield ""
    yield "> An LLM API with exact accounts: it speaks the Claude Messages API, counts every token, prices it"
    yield "> with stacked discounts, holds and settles prepaid credit, and explains each charge."
    for title, pages in documents.groups:
        yield ""
        yield f"## {title}"
        yield ""
        for page in pages:
            yield f"- [{page.title}]({base_url}/docs/{page.slug}.md): {page.summary}"
    yield ""
    yield "## Live"
    yield ""
    yield f"- [Pricing]({base_url}/pricing.md): every price in force, with dates"
    yield f"- [Frequently asked questions]({base_url}/faq.md): tokens, trials, discounts, payment, usage"
    yield f"- [API reference]({base_url}/docs/api.md): every path and object"
    yield f"- [API description]({base_url}/openapi.json): OpenAPI 3.1"
    yield f"- [Everything in one file]({base_url}/llms-full.txt)"
    yield ""


def _render_page(slug: str, source: str, base_url: str, *, folder: str = "/docs") -> str:
    return f"<!-- {base_url}{folder}/{slug} -->\n{fill_address(leave_out_own(source), base_url).strip()}\n"
