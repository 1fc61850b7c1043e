"""Visit: who is at the Console, what their form says, and every error as a page (or as its twin)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.billing.taxation.desk import asking
from jeton.console.choices import CHOICES, find_choices, find_place
from jeton.console.currency import add_currency, choose_currency
from jeton.console.deps import ConsoleDeps
from jeton.console.errors import (
    InvalidFilterError,
    InvalidFormError,
    OperatorOnlyError,
    RoleInsufficientError,
    StaleFormError,
    ViewingOnlyError,
)
from jeton.console.navigation import find_current, list_groups
from jeton.console.pages import SECURITY_HEADERS, Pages, answer_json
from jeton.errors import (
    ConflictError,
    InvalidInputError,
    JetonError,
    NotAuthenticatedError,
    NotFoundError,
    NotPermittedError,
    OverloadedError,
    UpstreamError,
)
from jeton.identity.roles.permissions import PERMISSIONS, Permission
from jeton.identity.sessions import Session, find_session, form_token, is_form_token
from jeton.identity.standing.viewings import Viewing, find_viewing
from jeton.insight.overview.standing import get_standing

SESSION_COOKIE = "jeton_session"
FORM_BYTES_MAX = 16_384
# Of a webhook with every type of event chosen, and room for more of them.
FORM_FIELDS_MAX = 60
FILTER_CHARS_MAX = 256
TWIN = ".json"
DATABASE_AWAY = "The database is away, so nothing can be shown. Try again in a moment."

STATUSES: Mapping[type[JetonError], int] = {
    JetonError: 500,
    InvalidInputError: 400,
    NotAuthenticatedError: 401,
    NotPermittedError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    UpstreamError: 502,
    OverloadedError: 503,
}


# What narrows a page, by what it is called: an address may have any of them, and not every page looks at all.
NARROWING: Mapping[str, str] = MappingProxyType(
    {
        "range": "range",
        "from": "from",
        "until": "until",
        "workspace_id": "workspace",
        "key_id": "key",
        "model": "model",
        "service_tier": "tier",
        "end_user": "end user",
        "tag": "tag",
        "token_class": "token class",
        "state": "state",
    }
)


@dataclass(frozen=True, slots=True)
class View:
    """What a page shows: a template with its values, the data of its twin, and the answer's status."""

    template: str
    context: Mapping[str, object]
    data: Mapping[str, object] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of a member who is signed in.

    With a ``viewing`` it is an operator's, who sees what an auditor of that organization sees: its id, name
    and role stand in ``session``, and no form but the one that ends it is acted upon. ``heeded`` are the
    filters that the page has looked at so far.
    """

    request: Request
    deps: ConsoleDeps
    session: Session
    secret: str
    viewing: Viewing | None = None
    heeded: set[str] = field(default_factory=set)

    @property
    def unheeded(self) -> list[str]:
        """What the address narrows to and the page does not, by name; nothing of a form."""
        query = self.request.query_params if self.request.method == "GET" else {}
        return [title for name, title in NARROWING.items() if query.get(name) and name not in self.heeded]

    @property
    def is_operator(self) -> bool:
        """Whether the member runs this installation, and looks at it as such."""
        return self.viewing is None and self.session.email in self.deps.operator_emails

    def require_operator(self) -> None:
        """Raise OperatorOnlyError for everybody else."""
        if not self.is_operator:
            raise OperatorOnlyError

    def may(self, permission: Permission) -> bool:
        """Whether the member's role allows it."""
        return permission in PERMISSIONS[self.session.role]

    def require(self, permission: Permission) -> None:
        """Raise RoleInsufficientError where the member's role does not allow it."""
        if not self.may(permission):
            roles = [role for role, allowed in PERMISSIONS.items() if permission in allowed]
            raise RoleInsufficientError(self.session.role, " or ".join(roles))

    def find_filter(self, name: str) -> str:
        """A text out of the address, "" if there is none; else InvalidFilterError."""
        self.heeded.add(name)
        text = self.request.query_params.get(name, "").strip()
        if len(text) > FILTER_CHARS_MAX or not text.isprintable():
            raise InvalidFilterError(name, f"must have at most {FILTER_CHARS_MAX} printable characters")
        return text


Show = Callable[[Visit], Awaitable[View]]
Act = Callable[[Visit, Mapping[str, str]], Awaitable[View | str]]
Endpoint = Callable[[Request], Awaitable[Response]]


class Door:
    """Lets members in and answers everybody else; wraps what pages and forms do."""

    def __init__(self, deps: ConsoleDeps, pages: Pages) -> None:
        """Serve these pages with these deps."""
        self.deps = deps
        self.pages = pages

    def page(self, show: Show) -> Endpoint:
        """An endpoint that shows a page, or its twin where the address ends in ``.json``."""

        async def endpoint(request: Request) -> Response:
            return await self.guard(request, self._show(request, show))

        return endpoint

    def pages_at(self, path: str, show: Show) -> list[BaseRoute]:
        """A page at ``path`` and its twin at ``path.json``."""
        endpoint = self.page(show)
        # The twin first: an id at the end of a page's path would take the suffix for a part of itself.
        return [Route(f"{path}{TWIN}", endpoint, methods=["GET"]), Route(path, endpoint, methods=["GET"])]

    def form(self, act: Act, *, is_for_viewing: bool = False) -> Endpoint:
        """An endpoint that acts on a form of the member's own session, then shows or redirects.

        Only with ``is_for_viewing`` does it act while an operator looks at another organization's Console.
        """

        async def endpoint(request: Request) -> Response:
            return await self.guard(request, self._act(request, act, is_for_viewing=is_for_viewing))

        return endpoint

    async def guard(self, request: Request, answer: Awaitable[Response]) -> Response:
        """The answer, or the page of the error that it raised."""
        CHOICES.set(find_choices(request))
        try:
            return await answer
        except ClientDisconnect:
            # Nobody will read it, but Starlette wants an answer.
            return Response(status_code=400)
        except psycopg.OperationalError:
            return self._problem(request, OverloadedError(DATABASE_AWAY))
        except JetonError as error:
            return self._problem(request, error)

    async def find_visit(self, request: Request) -> Visit | None:
        """The visit of a member who is signed in."""
        secret = request.cookies.get(SESSION_COOKIE, "")
        if not secret:
            return None
        at = clock.now()
        async with self.deps.pool.connection() as connection:
            session = await find_session(connection, secret, at=at)
            is_operators = session is not None and session.email in self.deps.operator_emails
            viewing = await find_viewing(connection, secret, at=at) if is_operators else None
        if session is None:
            return None
        if viewing is not None:
            session = replace(
                session,
                organization_id=viewing.organization_id,
                organization_name=viewing.organization_name,
                role="auditor",
            )
        return Visit(request, self.deps, session, secret, viewing)

    async def _show(self, request: Request, show: Show) -> Response:
        visit = await self.find_visit(request)
        if visit is None:
            return self._ask_to_sign_in(request)
        await choose_currency(self.deps.pool, request, visit.session.organization_id)
        if _is_twin(request):
            return answer_json(add_currency((await asking(lambda: show(visit))).data))
        return await self.answer(visit, asking(lambda: show(visit)))

    async def _act(self, request: Request, act: Act, *, is_for_viewing: bool) -> Response:
        visit = await self.find_visit(request)
        if visit is None:
            return self._ask_to_sign_in(request)
        form = await read_form(request, self.deps.base_url)
        if not is_form_token(visit.secret, form.get("form_token", "")):
            raise StaleFormError
        if visit.viewing is not None and not is_for_viewing:
            return await self.answer(visit, _refuse(ViewingOnlyError(visit.viewing.organization_name)))
        # What needs a tax that is not known yet is done again once it was asked for.
        return await self.answer(visit, asking(lambda: act(visit, form)))

    async def answer(self, visit: Visit, outcome: Awaitable[View | str]) -> Response:
        """A view in its frame, or a redirect; an error keeps the frame, so that one can go on from it."""
        try:
            made = await outcome
        except JetonError as error:
            status = find_status(error)
            view = View("problem.html", {"error": error, "status": status})
            return await self._render(visit, view, status=status)
        if isinstance(made, str):
            return redirect(made)
        return await self._render(visit, made, status=made.status)

    async def _render(self, visit: Visit, view: View, *, status: int = 200) -> Response:
        twin = f"{visit.request.url.path}{TWIN}"
        query = visit.request.url.query
        navigation = list_groups(visit)
        async with self.deps.pool.connection() as connection:
            standing = await get_standing(connection, visit.session.organization_id)
        context = {
            "session": visit.session,
            "is_operator": visit.is_operator,
            "viewing": visit.viewing,
            "navigation": navigation,
            "entry_href": find_current(navigation, visit.request.url.path),
            "standing": standing,
            "unheeded": visit.unheeded if status == HTTPStatus.OK else [],
            "here": find_place(visit.request),
            "form_token": form_token(visit.secret),
            "path": visit.request.url.path,
            "twin": f"{twin}?{query}" if query else twin,
            **view.context,
        }
        return self.pages.answer(view.template, context, status=status)

    def _ask_to_sign_in(self, request: Request) -> Response:
        if _is_twin(request):
            return answer_json(
                _render_error(NotAuthenticatedError("Sign in to the Console first.")), status=401
            )
        query = f"?{request.url.query}" if request.url.query else ""
        place = f"{request.url.path}{query}" if request.method == "GET" else "/console"
        return redirect(f"/console/sign-in?next={quote(place, safe='/')}")

    def _problem(self, request: Request, error: JetonError) -> Response:
        status = find_status(error)
        if _is_twin(request):
            return answer_json(_render_error(error), status=status)
        context = {"session": None, "path": request.url.path, "error": error, "status": status}
        return self.pages.answer("problem.html", context, status=status)


async def _refuse(error: JetonError) -> View:
    """An outcome that is an error, shown in its frame."""
    raise error


def find_status(error: JetonError) -> int:
    """The status of an error, of the nearest family that has one."""
    return next(STATUSES[family] for family in type(error).__mro__ if family in STATUSES)


def redirect(place: str) -> Response:
    """Go there with GET."""
    return RedirectResponse(place, 303, headers=dict(SECURITY_HEADERS))


async def read_form(request: Request, base_url: str) -> dict[str, str]:
    """The fields of a form sent from our own pages; InvalidFormError or StaleFormError."""
    check_origin(request, base_url)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES_MAX:
            raise InvalidFormError(f"it has more than {FORM_BYTES_MAX} bytes")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX)
    except ValueError:
        raise InvalidFormError(f"it is not text, or has more than {FORM_FIELDS_MAX} fields") from None
    return check_texts({name: values[-1] for name, values in fields.items()})


def check_texts(fields: dict[str, str]) -> dict[str, str]:
    """The fields, none with a zero byte, which no text of the database may hold; InvalidFormError."""
    for name, text in fields.items():
        if "\0" in name or "\0" in text:
            raise InvalidFormError(f"{name[:FILTER_CHARS_MAX]!a} has a zero byte")
    return fields


def check_origin(request: Request, base_url: str) -> None:
    """Raise StaleFormError for a form that another site's page sent."""
    origin = request.headers.get("origin")
    # Browsers send the origin of a form's page with every POST; another one is never ours. A proxy
    # may have changed the host, but not the address that people use.
    ours = {request.headers.get("host", ""), urlsplit(base_url).netloc}
    # Not by urlsplit, which raises for what is no URL at all, such as http://[.
    if origin is not None and origin.partition("://")[2] not in ours - {""}:
        raise StaleFormError


def _is_twin(request: Request) -> bool:
    return request.url.path.endswith(TWIN)


def _render_error(error: JetonError) -> dict[str, object]:
    return {"type": "error", "error": {"type": error.code, "message": str(error)}}
