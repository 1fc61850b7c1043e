"""Page: the frequently asked questions, for everybody, and with a reader's own numbers."""

from collections.abc import Mapping

import psycopg
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from jeton import clock
from jeton.errors import InvalidInputError, JetonError
from jeton.insight.figures.content import ContentReport, get_public_content
from jeton.site.deps import SiteDeps
from jeton.site.faq.counting import TEXT_CHARS_MAX, count_for_families
from jeton.site.faq.readers import BAR_HEIGHT, BAR_WIDTH, Own, get_own
from jeton.site.faq.workloads import SLIDERS, choose_model, list_choices, read_workload
from jeton.site.intake import Pace, Pacer, TooOftenError, find_address, parse_form, read_body
from jeton.site.pages import PRIVATE, SECURITY_HEADERS, Pages
from jeton.site.prices.stacking import find_example, work_example

# A character of four bytes takes twelve in a form.
COUNT_BYTES_MAX = 12 * TEXT_CHARS_MAX + 1_000
COUNT_FIELDS_MAX = 4
COUNT_PACE = Pace(window_s=60, by_address_max=30, altogether_max=600)


class TextTooLongError(InvalidInputError):
    """A text that is too long for the box."""

    code = "text_too_long"

    def __init__(self, characters: int) -> None:
        """Name both numbers and what to do instead."""
        super().__init__(
            f"The text has {characters:,} characters; {TEXT_CHARS_MAX:,} can be counted here. For more there"
            " is `jeton tokens count` and the API."
        )


class Faq:
    """The page, and the box in it that counts."""

    def __init__(self, deps: SiteDeps, pages: Pages) -> None:
        """Answer with the numbers of these deps."""
        self._deps = deps
        self._pages = pages
        self._pacer = Pacer(COUNT_PACE, "texts to count")

    async def show(self, request: Request) -> Response:
        """The page; another workload may stand in the address."""
        return await self._answer(request, {})

    async def send_markdown(self, request: Request) -> Response:
        """The same in Markdown, without the forms."""
        base_url = self._pages.find_base_url(request)
        text = self.render_markdown(request.query_params, base_url, content=await self._find_content())
        return Response(text, media_type="text/markdown", headers=dict(SECURITY_HEADERS))

    def render_markdown(
        self, query: Mapping[str, str], base_url: str, *, content: ContentReport | None = None
    ) -> str:
        """The page's text with the numbers of now."""
        known = {"base_url": base_url, "content": content}
        return self._pages.render("faq.md", {**self._describe(query), **known})

    async def count(self, request: Request) -> Response:
        """The page with a text of the visitor counted; the text is kept nowhere."""
        counter = self._deps.counter
        if counter is None:
            return await self._answer(request, {"problem": "Nothing is counted here."}, status=503)
        text = ""
        try:
            form = parse_form(await read_body(request, COUNT_BYTES_MAX), COUNT_FIELDS_MAX)
            text = form.get("text", "").replace("\r\n", "\n")
            self._pacer.admit(find_address(request))
            if len(text) > TEXT_CHARS_MAX:
                raise TextTooLongError(len(text))
            counted = await count_for_families(counter, self._deps.book, text, at=clock.now())
        except ClientDisconnect:
            return Response(status_code=400)
        except TooOftenError as error:
            return await self._answer(request, {"text": text, "problem": str(error)}, status=429)
        except JetonError as error:
            # Without the text: what cannot be counted need not be sent back.
            return await self._answer(request, {"problem": str(error)}, status=400)
        return await self._answer(request, {"text": text, "counted": counted})

    async def _answer(self, request: Request, extra: Mapping[str, object], *, status: int = 200) -> Response:
        own = await self._find_own(request)
        context = {
            "text": "",
            "counted": None,
            "problem": "",
            "own": own,
            "content": await self._find_content(),
            "bar": {"width": BAR_WIDTH, "height": BAR_HEIGHT},
            **self._describe(request.query_params, own),
            **extra,
        }
        answer = self._pages.answer(request, "faq.html", context, status=status)
        if own is not None or extra:
            answer.headers.update(PRIVATE)
        return answer

    def _describe(self, query: Mapping[str, str], own: Own | None = None) -> dict[str, object]:
        at = clock.now()
        choices = list_choices(self._deps.book, at)
        chosen = choose_model(choices, query.get("model", ""))
        workload = read_workload(query)
        terms = own.terms.find(chosen, at) if own and chosen else None
        return {
            "as_of": at,
            "example": find_example(self._deps.book, at),
            "sliders": SLIDERS,
            "choices": choices,
            "own_example": None if chosen is None else work_example(chosen, workload, terms),
            "own_terms": terms,
            "values": (
                workload.requests,
                workload.shared_tokens,
                workload.own_tokens,
                workload.output_tokens,
            ),
            "text_chars_max": TEXT_CHARS_MAX,
            "query": dict(query),
        }

    async def _find_own(self, request: Request) -> Own | None:
        reader = await self._deps.find_reader(request)
        if reader is None or self._deps.pool is None:
            return None
        try:
            return await get_own(self._deps.pool, reader)
        except psycopg.OperationalError:
            return None

    async def _find_content(self) -> ContentReport | None:
        if "tokens" not in self._deps.public_figures or self._deps.pool is None:
            return None
        try:
            async with self._deps.pool.connection() as connection:
                return await get_public_content(connection)
        except psycopg.OperationalError:
            return None
