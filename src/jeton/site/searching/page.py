"""Page: the answers of a search, for people and as JSON, and what was looked for in vain."""

import time
from collections.abc import Callable, Iterable

import psycopg
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from jeton.db.pool import Pool
from jeton.errors import JetonError
from jeton.notifications.inbox.items import WantedItem, open_item
from jeton.site.documents import Documents, Section
from jeton.site.intake import Pace, Pacer, TooOftenError, find_address
from jeton.site.pages import SECURITY_HEADERS, Pages
from jeton.site.searching.index import QUERY_CHARS_MAX, Hit, Index

# How old the prices and the FAQ's numbers in a snippet may be.
FRESH_S = 3_600
MISS_KIND = "search_miss"
MISS_CHARS_MIN = 3
MISS_PACE = Pace(window_s=3_600, by_address_max=10, altogether_max=200)

_log = structlog.get_logger(__name__)


class Search:
    """The index, made when it is first asked, and anew when its prices are old."""

    def __init__(
        self,
        documents: Documents,
        pages: Pages,
        *,
        list_sections: Callable[[], Iterable[Section]],
        pool: Pool | None = None,
    ) -> None:
        """Search these sections; ``documents`` stand beside the hits; keep misses through ``pool``."""
        self._documents = documents
        self._pages = pages
        self._list_sections = list_sections
        self._pool = pool
        self._index: Index | None = None
        self._made_at_s = 0.0
        self._pacer = Pacer(MISS_PACE, "searches in vain")

    async def show(self, request: Request) -> Response:
        """The hits as a page, or as JSON where the address ends so."""
        query = " ".join(request.query_params.get("q", "").split())[:QUERY_CHARS_MAX]
        hits = self.find(query) if query else []
        # While somebody types, what is not found yet is no search in vain.
        is_typing = bool(request.query_params.get("typing"))
        if len(query) >= MISS_CHARS_MIN and not hits and not is_typing:
            await self._keep_miss(request, query)
        if request.url.path.endswith(".json"):
            return JSONResponse(
                {"type": "search_results", "query": query, "data": [render_hit(hit) for hit in hits]},
                headers=dict(SECURITY_HEADERS),
            )
        context = {
            "query": query,
            "query_chars_max": QUERY_CHARS_MAX,
            "hits": hits,
            "groups": self._documents.groups,
        }
        return self._pages.answer(request, "docs/search.html", context)

    def find(self, query: str) -> list[Hit]:
        """The best sections for a query."""
        now_s = time.monotonic()
        if self._index is None or now_s - self._made_at_s > FRESH_S:
            self._index, self._made_at_s = Index(self._list_sections()), now_s
        return self._index.search(query)

    async def _keep_miss(self, request: Request, query: str) -> None:
        """Tell the operator what the documentation does not have; a search never fails for that."""
        if self._pool is None or not query.isprintable():
            return
        try:
            self._pacer.admit(find_address(request))
            async with self._pool.connection() as connection:
                wanted = WantedItem(MISS_KIND, query, subject="Docs search", dedup_key=query.lower())
                await open_item(connection, wanted)
        except TooOftenError:
            return
        except (psycopg.Error, JetonError) as error:
            _log.warning("search_miss_not_kept", problem=str(error))


def render_hit(hit: Hit) -> dict[str, object]:
    """A hit as JSON."""
    return {
        "type": "search_result",
        "url": hit.section.address,
        "page": hit.section.page_title,
        "title": hit.section.title,
        "snippet": "".join(text for text, _ in hit.snippet),
        "score": round(hit.score, 3),
    }
