"""Page: the votes that people send as forms, and agents as JSON."""

import secrets
from collections.abc import Mapping

import msgspec
import psycopg
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.db.pool import Pool
from jeton.errors import InvalidInputError, JetonError, OverloadedError
from jeton.feedback.errors import FeedbackError
from jeton.feedback.votes import (
    COMMENT_CHARS_MAX,
    Ballot,
    Vote,
    digest_voter,
    find_vote,
    parse_vote,
    record_vote,
)
from jeton.insight.reading.standing import classify_standing
from jeton.site.deps import FindReader
from jeton.site.feedback.targets import Targets, address_of, parse_slug
from jeton.site.intake import Pace, Pacer, TooOftenError, find_address, parse_form, read_body
from jeton.site.pages import SECURITY_HEADERS, Pages

BODY_BYTES_MAX = 16_384
FORM_FIELDS_MAX = 10
PACE = Pace(window_s=3_600, by_address_max=60, altogether_max=2_000)
VISITOR_COOKIE = "jeton_visitor"
VISITOR_BYTES = 24
VISITOR_CHARS_MAX = 64
VISITOR_LIFE_S = 31_536_000
AGENT_CHARS_MAX = 200
# Sent by our script, which wants the box and not the page around it.
FRAGMENT_HEADER = "jeton-fragment"
DATABASE_AWAY = "The database is away, so nothing was kept. Send it again in a moment."
REASON_NAMES = {"outdated": "It is outdated", "unclear": "It is unclear", "wrong_number": "A number is wrong"}


class _AgentVote(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    helpful: bool
    reason: str = ""
    comment: str = ""
    agent: str = ""


class Feedback:
    """The box at the end of a page, and what becomes of a vote."""

    def __init__(self, pool: Pool, pages: Pages, targets: Targets, *, find_reader: FindReader) -> None:
        """Keep votes through ``pool``; ``find_reader`` says who is signed in."""
        self._pool = pool
        self._pages = pages
        self._targets = targets
        self._find_reader = find_reader
        self._pacer = Pacer(PACE, "votes")

    def list_routes(self) -> list[BaseRoute]:
        """Where votes are sent and shown."""
        return [
            Route("/docs/feedback", self.take, methods=["POST"]),
            Route("/docs/feedback/{slug}", self.show, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """The reader's vote on a page, with the form that says more or changes it."""
        slug = request.path_params["slug"]
        if self._targets.find_title(slug) is None:
            return self._pages.answer(request, "not_found.html", {}, status=404)
        try:
            visitor = request.cookies.get(VISITOR_COOKIE, "")[:VISITOR_CHARS_MAX]
            ballot = await self._find_ballot(request, slug, visitor)
            async with self._pool.connection() as connection:
                vote = await find_vote(connection, ballot)
        except psycopg.OperationalError:
            return self._answer(request, slug, None, problem=DATABASE_AWAY, status=503)
        return self._answer(request, slug, vote)

    async def take(self, request: Request) -> Response:
        """Keep a vote: a form of a person's, or JSON of an agent's."""
        is_agent = request.headers.get("content-type", "").startswith("application/json")
        slug = ""
        try:
            self._pacer.admit(find_address(request))
            body = await read_body(request, BODY_BYTES_MAX)
            if is_agent:
                return await self._take_json(request, body)
            form = parse_form(body, FORM_FIELDS_MAX)
            slug = self._require_slug(form.get("slug", ""))
            return await self._take_form(request, slug, form)
        except ClientDisconnect:
            return Response(status_code=400)
        except psycopg.OperationalError:
            return self._refuse(request, slug, OverloadedError(DATABASE_AWAY), is_json=is_agent)
        except JetonError as error:
            return self._refuse(request, slug, error, is_json=is_agent)

    async def _take_form(self, request: Request, slug: str, form: Mapping[str, str]) -> Response:
        vote = parse_vote(
            is_helpful=_parse_helpful(form.get("helpful", "")),
            reason=form.get("reason", ""),
            comment=form.get("comment", ""),
            reply_to=form.get("email", ""),
        )
        visitor = request.cookies.get(VISITOR_COOKIE, "")[:VISITOR_CHARS_MAX]
        is_new = not visitor
        visitor = visitor or secrets.token_urlsafe(VISITOR_BYTES)
        ballot = await self._find_ballot(request, slug, visitor)
        async with self._pool.connection() as connection:
            await record_vote(connection, ballot, vote)
        answer = RedirectResponse(f"/docs/feedback/{slug}", 303, headers=dict(SECURITY_HEADERS))
        if is_new:
            is_secure = self._pages.find_base_url(request).startswith("https:")
            answer.set_cookie(
                VISITOR_COOKIE,
                visitor,
                max_age=VISITOR_LIFE_S,
                httponly=True,
                samesite="lax",
                secure=is_secure,
            )
        return answer

    async def _take_json(self, request: Request, body: bytes) -> Response:
        try:
            sent = msgspec.json.decode(body, type=_AgentVote)
        except msgspec.DecodeError as error:
            raise FeedbackError(str(error)) from None
        slug = self._require_slug(parse_slug(sent.path))
        vote = parse_vote(is_helpful=sent.helpful, reason=sent.reason, comment=sent.comment)
        name = sent.agent or request.headers.get("user-agent", "")
        voter = digest_voter("agent", find_address(request), name[:AGENT_CHARS_MAX])
        ballot = Ballot(slug, self._targets.find_version(slug), voter, "agent")
        async with self._pool.connection() as connection:
            await record_vote(connection, ballot, vote)
        said = {
            "type": "page_feedback",
            "path": address_of(slug),
            "page_version": ballot.page_version,
            "channel": ballot.channel,
            "helpful": vote.is_helpful,
            "reason": vote.reason,
        }
        return _json(said)

    async def _find_ballot(self, request: Request, slug: str, visitor: str) -> Ballot:
        reader, standing = await self._find_reader(request), None
        if reader is not None:
            voter = digest_voter("member", str(reader.organization_id), reader.email)
            async with self._pool.connection() as connection:
                standing = await classify_standing(connection, reader.organization_id, at=clock.now())
        else:
            voter = digest_voter("visitor", visitor)
        return Ballot(slug, self._targets.find_version(slug), voter, "person", standing)

    def _require_slug(self, slug: str) -> str:
        if self._targets.find_title(slug) is None:
            raise FeedbackError("there is no such page")
        return slug

    def _refuse(self, request: Request, slug: str, error: JetonError, *, is_json: bool) -> Response:
        status = 503
        headers = {}
        if isinstance(error, InvalidInputError):
            status = 400
        elif isinstance(error, TooOftenError):
            status, headers["retry-after"] = 429, str(error.retry_after_s)
        if is_json:
            sentence = {"type": "error", "error": {"type": error.code, "message": str(error)}}
            answer = _json(sentence, status=status)
        else:
            answer = self._answer(request, slug, None, problem=str(error), status=status)
        answer.headers.update(headers)
        return answer

    def _answer(
        self, request: Request, slug: str, vote: Vote | None, *, problem: str = "", status: int = 200
    ) -> Response:
        context = {
            "slug": slug,
            "title": self._targets.find_title(slug) or "",
            "address": address_of(slug) if slug else "/docs",
            "vote": vote,
            "problem": problem,
            "reasons": REASON_NAMES,
            "comment_chars_max": COMMENT_CHARS_MAX,
        }
        is_fragment = FRAGMENT_HEADER in request.headers
        template = "docs/feedback_box.html" if is_fragment else "docs/feedback.html"
        answer = self._pages.answer(request, template, context, status=status)
        answer.headers["cache-control"] = "no-store"
        return answer


def _parse_helpful(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise FeedbackError("helpful is yes or no")
    return text == "yes"


def _json(content: object, *, status: int = 200) -> Response:
    body = msgspec.json.encode(content)
    return Response(body, status, headers=dict(SECURITY_HEADERS), media_type="application/json")
