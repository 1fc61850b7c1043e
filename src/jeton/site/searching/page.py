"""Page: the answers of a search, for people and as JSON, and what was looked for in vain."""

from collections import OrderedDict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from jeton.site.documents import Documents
from jeton.site.pages import SECURITY_HEADERS, Pages
from jeton.site.searching.index import QUERY_CHARS_MAX, Hit, Index

MISSES_MAX = 500


class Search:
    """The index over the documentation, made when it is first asked."""

    def __init__(self, documents: Documents, pages: Pages) -> None:
        """Search these documents."""
        self._documents = documents
        self._pages = pages
        self._index: Index | None = None
        # What nothing was found for, with how often, in this process since its start.
        self.misses: OrderedDict[str, int] = OrderedDict()

    async def show(self, request: Request) -> Response:
        """The hits as a page, or as JSON where the address ends so."""
        query = " ".join(request.query_params.get("q", "").split())[:QUERY_CHARS_MAX]
        hits = self.find(query) if query else []
        if query and not hits:
            self._note_miss(query)
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
        if self._index is None:
            self._index = Index(self._documents.sections)
        return self._index.search(query)

    def _note_miss(self, query: str) -> None:
        key = query.lower()
        self.misses[key] = self.misses.pop(key, 0) + 1
        while len(self.misses) > MISSES_MAX:
            self.misses.popitem(last=False)


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
