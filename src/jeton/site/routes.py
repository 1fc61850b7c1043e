"""Routes: the public pages and the files they are made with."""

from importlib import resources

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.site.contact import Contact
from jeton.site.deps import SiteDeps
from jeton.site.documents import Documents
from jeton.site.pages import SECURITY_HEADERS, Pages
from jeton.site.price_table import COLUMNS, find_announced, list_model_prices
from jeton.site.stacking import OUTPUT_TOKENS, OWN_TOKENS, REQUESTS, SHARED_TOKENS, find_example, find_sample

MEDIA_TYPES = {"css": "text/css", "svg": "image/svg+xml", "js": "text/javascript"}


def site_routes(deps: SiteDeps) -> list[BaseRoute]:
    """The site's routes. The Console's pages use the files under /static too."""
    site = _Site(deps)
    return [
        *_contact_routes(deps),
        Route("/", site.show_landing, methods=["GET"]),
        Route("/pricing", site.show_pricing, methods=["GET"]),
        Route("/faq", site.show_faq, methods=["GET"]),
        Route("/docs", site.show_documents, methods=["GET"]),
        Route("/docs/{slug}", site.show_document, methods=["GET"]),
        Route("/static/{name}", site.send_file, methods=["GET"]),
        Route("/favicon.ico", site.send_icon, methods=["GET"]),
    ]


def _contact_routes(deps: SiteDeps) -> list[BaseRoute]:
    """Where people write to sales, if what they write can be kept."""
    if deps.pool is None:
        return []
    contact = Contact(deps.pool, Pages(deps))
    return [
        Route("/contact-sales", contact.show, methods=["GET"]),
        Route("/contact-sales", contact.send, methods=["POST"]),
    ]


class _Site:
    def __init__(self, deps: SiteDeps) -> None:
        self._deps = deps
        self._pages = Pages(deps)
        self._documents = Documents()

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
        }
        return self._pages.answer(request, "pricing.html", context)

    async def show_faq(self, request: Request) -> Response:
        """Frequently asked questions, with this installation's own numbers."""
        context = {
            "example": find_example(self._deps.book, clock.now()),
            "requests": REQUESTS,
            "shared_tokens": SHARED_TOKENS,
            "prompt_tokens": SHARED_TOKENS + OWN_TOKENS,
            "output_tokens": OUTPUT_TOKENS,
        }
        return self._pages.answer(request, "faq.html", context)

    async def show_documents(self, request: Request) -> Response:
        """The index of the documentation."""
        return self._pages.answer(request, "documents.html", {"documents": self._documents.list()})

    async def show_document(self, request: Request) -> Response:
        """One page of the documentation; with ``.md``, its source."""
        slug = request.path_params["slug"]
        document = self._documents.find(slug.removesuffix(".md"))
        if document is None:
            return self._pages.answer(request, "not_found.html", {}, status=404)
        if slug.endswith(".md"):
            return PlainTextResponse(document.source, headers=dict(SECURITY_HEADERS))
        context = {"document": document, "documents": self._documents.list()}
        return self._pages.answer(request, "document.html", context)

    async def send_file(self, request: Request) -> Response:
        """A style sheet or picture of the package."""
        name = request.path_params["name"]
        folder = resources.files("jeton.site").joinpath("static")
        known = {file.name: file for file in folder.iterdir()}
        kind = MEDIA_TYPES.get(name.rpartition(".")[2])
        if name not in known or kind is None:
            return self._pages.answer(request, "not_found.html", {}, status=404)
        return _file(known[name].read_bytes(), kind)

    async def send_icon(self, request: Request) -> Response:
        """The mark, for browsers that ask for it at the old place."""
        del request
        icon = resources.files("jeton.site").joinpath("static").joinpath("mark.svg")
        return _file(icon.read_bytes(), MEDIA_TYPES["svg"])


def _file(content: bytes, kind: str) -> Response:
    # An hour: short enough that an upgrade is seen the same day, long enough to spare requests.
    headers = {**SECURITY_HEADERS, "cache-control": "public, max-age=3600"}
    return Response(content, media_type=kind, headers=headers)
