"""Page: Ask Docs as a page that needs no script, and as a stream of events for one that has it."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import assert_never

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from jeton.errors import InvalidInputError
from jeton.feedback.questions import QUESTION_CHARS_MAX, parse_question
from jeton.site.asking.answering import Answering, End
from jeton.site.asking.verifying import Sentence
from jeton.site.documents import Documents, Section
from jeton.site.intake import Pace, Pacer, TooOftenError, find_address, parse_form, read_body
from jeton.site.pages import SECURITY_HEADERS, Pages

FORM_BYTES_MAX = 8_192
FORM_FIELDS_MAX = 5
PACE = Pace(window_s=60, by_address_max=10, altogether_max=60)
# Answers that are being written at once, in this process.
IN_FLIGHT_MAX = 8
IN_FLIGHT_RETRY_S = 5
EVENTS = "text/event-stream"
EXAMPLES = (
    "How do discounts stack?",
    "What am I charged when a client disconnects?",
    "When does trial credit expire?",
)


class Asking:
    """The page of questions and answers."""

    def __init__(self, documents: Documents, pages: Pages, answering: Answering) -> None:
        """Nothing was asked."""
        self._documents = documents
        self._pages = pages
        self._answering = answering
        self._pacer = Pacer(PACE, "questions")
        self._in_flight = 0

    def list_routes(self) -> list[BaseRoute]:
        """Where one asks."""
        return [
            Route("/docs/ask", self.show, methods=["GET"]),
            Route("/docs/ask", self.ask, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """The empty form."""
        return self._answer(request, {})

    async def ask(self, request: Request) -> Response:
        """The answer to a question: as a page, or as events where those are asked for."""
        text = ""
        try:
            # Before anything is read: ten thousand a minute cost nothing but this.
            self._pacer.admit(find_address(request))
            text = parse_form(await read_body(request, FORM_BYTES_MAX), FORM_FIELDS_MAX).get("question", "")
            question = parse_question(text)
            if self._in_flight >= IN_FLIGHT_MAX:
                raise TooOftenError("questions at once", IN_FLIGHT_RETRY_S)  # noqa: TRY301 - answered below like every other
            if EVENTS in request.headers.get("accept", ""):
                headers = {**SECURITY_HEADERS, "cache-control": "no-store"}
                return StreamingResponse(self._send(question), media_type=EVENTS, headers=headers)
            return await self._show_answer(request, question)
        except ClientDisconnect:
            return Response(status_code=400)
        except TooOftenError as error:
            return self._refuse(request, error)
        except InvalidInputError as error:
            return self._answer(
                request, {"problem": str(error), "question": text[:QUESTION_CHARS_MAX]}, status=400
            )

    def _refuse(self, request: Request, error: TooOftenError) -> Response:
        """A page, or to a script only the sentence: whoever asks this often is to cost little."""
        if EVENTS in request.headers.get("accept", ""):
            answer: Response = PlainTextResponse(str(error), 429, headers=dict(SECURITY_HEADERS))
        else:
            answer = self._answer(request, {"problem": str(error)}, status=429)
        answer.headers["retry-after"] = str(error.retry_after_s)
        return answer

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    async def _show_answer(self, request: Request, question: str) -> Response:
        with self._counted():
            parts = [part async for part in self._answering.answer(question)]
        context: dict[str, object] = {"question": question}
        context["sentences"] = [part for part in parts if isinstance(part, Sentence)]
        context["end"] = next(part for part in parts if isinstance(part, End))
        return self._answer(request, context)

    async def _send(self, question: str) -> AsyncGenerator[bytes]:
        # Counted from here on: a stream that nobody begins to read is none in flight.
        with self._counted():
            async with aclosing(self._answering.answer(question)) as parts:
                async for part in parts:
                    yield _render_event(part)

    def _answer(self, request: Request, context: dict[str, object], *, status: int = 200) -> Response:
        usual: dict[str, object] = {
            "groups": self._documents.groups,
            "question": "",
            "sentences": [],
            "end": None,
            "problem": "",
            "examples": EXAMPLES,
            "question_chars_max": QUESTION_CHARS_MAX,
        }
        return self._pages.answer(request, "docs/ask.html", {**usual, **context}, status=status)


def _render_event(part: Sentence | End) -> bytes:
    match part:
        case Sentence(text, sections):
            return _event("sentence", {"text": text, "citations": _render(sections)})
        case End(is_answered, nearest):
            return _event("end", {"is_answered": is_answered, "nearest": _render(nearest)})
    assert_never(part)


def _event(name: str, data: dict[str, object]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(data))


def _render(sections: tuple[Section, ...]) -> list[dict[str, str]]:
    return [{"url": section.address, "title": name_of(section)} for section in sections]


def name_of(section: Section) -> str:
    """A section as a citation names it."""
    return section.title if section.title == section.page_title else f"{section.page_title}: {section.title}"
