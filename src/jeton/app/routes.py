"""Routes: every edge on one application, with the answers that belong to none of them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from jeton.admin.arriving import arriving_routes
from jeton.admin.deps import AdminDeps
from jeton.admin.routes import admin_routes
from jeton.app.asking.writing import make_writer
from jeton.app.billing.office import make_office
from jeton.app.demo import find_demo_operator, make_trial_terms
from jeton.app.edges.access import find_group_roles, make_oidc, make_postman
from jeton.app.edges.loopback import Loopback
from jeton.app.edges.proxied import BehindProxies
from jeton.app.edges.site import make_site_deps
from jeton.app.notifying import make_address_rules
from jeton.app.observing.health import Health, make_health
from jeton.app.observing.metrics import WatchCollector, make_registry
from jeton.app.observing.scraping import METRICS_PATH, find_token, make_scrape
from jeton.app.parts import Parts
from jeton.console.deps import ConsoleDeps
from jeton.console.routes import console_routes
from jeton.errors import InvalidInputError, JetonError, NotFoundError
from jeton.gateway.batching.endpoints import BatchDeps, batch_routes
from jeton.gateway.deps import GatewayDeps, Stops
from jeton.gateway.envelope import render_error
from jeton.gateway.errors import UnexpectedError
from jeton.gateway.labelling.reading import Labelling
from jeton.gateway.routes import gateway_routes
from jeton.identity.restricting.proxies import Proxies
from jeton.identity.sign_in import SignIn, SignInLimiter
from jeton.identity.standing.operator_keys import OperatorKeys
from jeton.ids import new_id
from jeton.settings.rules import render_base_url
from jeton.site.pages import Pages
from jeton.site.routes import site_routes

API_PREFIX = "/v1/"
PATH_SHOWN_MAX = 200
NOT_FOUND = 404


def open_gateway(parts: Parts) -> GatewayDeps:
    """What the gateway works with, over whichever wire a call comes."""
    stops = Stops()
    parts.key_ring.on_stop = stops.stop
    return GatewayDeps(
        authenticator=parts.key_ring,
        charging=parts.charging,
        catalog=parts.routing.catalog,
        credit_status=parts.settings.credit_status,
        checkpoint=parts.checkpoint,
        exchanges=parts.exchanges,
        counter=parts.counter,
        watch=parts.watch,
        limiter=parts.limiter,
        terms=parts.terms,
        stops=stops,
        labelling=Labelling(parts.settings.end_users, parts.settings.end_user_key),
        proxies=Proxies(parts.settings.trusted_proxies),
    )


def build_app(parts: Parts, gateway: GatewayDeps) -> Starlette:
    """The whole application over its parts."""
    routes: list[BaseRoute] = [
        Route("/healthz", make_health(Health(parts.pool, lambda: parts.commits.is_away)), methods=["GET"]),
        Route(METRICS_PATH, _make_scrape(parts), methods=["GET"]),
    ]
    routes += gateway_routes(gateway)
    batching = parts.batching
    routes += batch_routes(
        BatchDeps(
            gateway, parts.pool, batching.uploads, batching.keeper, batching.desk, parts.settings.public_url
        )
    )
    rules = make_address_rules(parts.settings)
    routes += admin_routes(
        AdminDeps(
            parts.pool,
            parts.key_ring,
            rules,
            parts.limit_terms,
            live=parts.live,
            postman=make_postman(parts.settings),
            has_oidc=bool(parts.settings.oidc_issuer),
            office=make_office(parts.settings, parts.till),
            book=parts.book,
            operator_keys=OperatorKeys(parts.settings.operator_api_keys),
            group_roles=find_group_roles(parts.settings),
            trial=make_trial_terms(parts.settings),
            base_url=parts.settings.public_url or render_base_url(parts.settings.host, parts.settings.port),
        )
    )
    routes += arriving_routes(parts.till)
    routes += console_routes(_console_deps(parts, gateway))
    site = make_site_deps(parts)
    if parts.settings.ask_docs:
        site = replace(site, has_ask_docs=True, writer=make_writer(parts, gateway))
    routes += site_routes(site)
    return Starlette(
        routes=routes,
        middleware=[Middleware(BehindProxies, proxies=gateway.proxies)],
        exception_handlers={HTTPException: _make_refusal(Pages(site)), Exception: _answer_defect},
    )


def _make_scrape(parts: Parts) -> Callable[[Request], Awaitable[Response]]:
    collector = WatchCollector(
        parts.watch.tallies,
        count_in_flight=lambda: len(parts.exchanges),
        read_pool=parts.pool.get_stats,
    )
    token = find_token(parts.settings.metrics_token, parts.settings.data_dir)
    return make_scrape(make_registry(collector), token)


def _console_deps(parts: Parts, gateway: GatewayDeps) -> ConsoleDeps:
    operators = {*parts.settings.operator_emails, *find_demo_operator(parts.settings)}
    return ConsoleDeps(
        pool=parts.pool,
        sign_in=SignIn(parts.pool, parts.passwords, SignInLimiter()),
        brand_name=parts.settings.brand_name,
        base_url=parts.settings.public_url,
        support_email=parts.settings.support_email,
        is_rehearsal=parts.routing.is_rehearsal,
        operator_emails=frozenset(operators),
        postman=make_postman(parts.settings),
        oidc=make_oidc(parts.settings),
        send_message=Loopback(gateway).send,
        live=parts.live,
        has_mail=bool(parts.settings.smtp_host),
        book=parts.book,
        address_rules=make_address_rules(parts.settings),
        served_models=lambda: parts.routing.catalog.models,
        read_spool=lambda: parts.charging.spooled,
        limit_terms=parts.limit_terms,
        limiter=parts.limiter,
        has_own_mark=parts.settings.brand_mark is not None,
        office=make_office(parts.settings, parts.till),
        batches=parts.batching.desk,
        trial=make_trial_terms(parts.settings),
    )


def _make_refusal(pages: Pages) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer_refusal(request: Request, error: Exception) -> Response:
        """A path or method that no edge knows."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        is_api = request.url.path.startswith(API_PREFIX)
        path = request.url.path[:PATH_SHOWN_MAX]
        if status != NOT_FOUND:
            sentence = f"{request.method} is not possible at {path}."
            return (
                _envelope(InvalidInputError(sentence), status)
                if is_api
                else PlainTextResponse(sentence, status)
            )
        if is_api:
            return _envelope(NotFoundError(f"There is nothing at {path}."), status)
        return pages.answer(request, "not_found.html", {"path": path}, status=status)

    return answer_refusal


async def _answer_defect(request: Request, error: Exception) -> Response:
    """A defect: no traceback for the client; the server's log has it."""
    del error
    if not request.url.path.startswith(API_PREFIX):
        return PlainTextResponse("Something went wrong here. The log of this server has the details.", 500)
    return _envelope(UnexpectedError(), 500)


def _envelope(error: JetonError, status: int) -> Response:
    reply = render_error(error, new_id("req"))
    response = Response(reply.body, status)
    response.raw_headers = reply.headers
    return response
