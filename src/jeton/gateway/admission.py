"""Admission: from head and bytes to a request that may run, with its price and the most it can cost."""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from jeton import clock
from jeton.caching.plan import Plan, make_plan
from jeton.caching.words import Scope
from jeton.charging.bound import bound
from jeton.charging.words import Hold, HoldAsk
from jeton.errors import InsufficientCreditError
from jeton.gateway.catalog import ModelRoute
from jeton.gateway.counting.counts import CountAsk
from jeton.gateway.counting.tight import tighter_bounds
from jeton.gateway.deps import GatewayDeps
from jeton.gateway.errors import (
    AddressNotAllowedError,
    ApiKeyRequiredError,
    InvalidRequestError,
    ModelNotAllowedError,
    OtherWorkspaceError,
    UnknownModelError,
    UnpricedModelError,
)
from jeton.gateway.labelling.reading import read_labels
from jeton.gateway.parsing import Head, parse_messages, require_fitting, require_version
from jeton.identity.caller import Caller
from jeton.identity.restricting.restrictions import is_within
from jeton.ledger.budgets.errors import BudgetExceededError
from jeton.limits.limiter import Reservation
from jeton.metering.labels import NO_LABELS, Labels
from jeton.pricing.book import PriceVersion
from jeton.pricing.rating import STANDARD, Conditions
from jeton.pricing.terms import Terms, agree
from jeton.tokens.bound import bound_prompt
from jeton.upstreams.interface import MessagesRequest
from jeton.watch.words import NO_MODEL, Refused

# What a tighter bound may help against.
REFUSALS = (InsufficientCreditError, BudgetExceededError)


class Admission(msgspec.Struct, frozen=True):
    """One request that may run; ``prompt_tokens_max`` is the cheap bound of its prompt.

    ``asked_at``: when its price version, and the ``terms`` of its organization, were looked up.
    """

    request_id: str
    caller: Caller
    workspace_id: str
    request: MessagesRequest
    body: bytes
    headers: dict[str, str]
    route: ModelRoute
    version: PriceVersion
    asked: Conditions
    asked_at: datetime
    terms: Terms | None
    prompt_tokens_max: int
    cache: Plan | None = None
    labels: Labels = NO_LABELS


async def authenticate(head: Head, deps: GatewayDeps) -> tuple[Caller, str]:
    """The caller and its workspace; NotAuthenticatedError or NotPermittedError."""
    caller = await deps.authenticator.authenticate(head.secret)
    if caller.kind != "api" or caller.workspace_id is None:
        raise ApiKeyRequiredError
    if caller.networks is not None and not is_within(head.address, caller.networks):
        raise AddressNotAllowedError(caller.key_id, head.address)
    if head.workspace_id and head.workspace_id != caller.workspace_id:
        raise OtherWorkspaceError(head.workspace_id[:100], caller.workspace_id)
    return caller, caller.workspace_id


def admit(head: Head, body: bytes, *, request_id: str, caller: Caller, deps: GatewayDeps) -> Admission:
    """Validate, find upstream and price, and bound the prompt; raises InvalidInputError or NotFoundError."""
    request = parse_messages(body, require_version(head))
    at = clock.now()
    route, version = find_model(request.model, caller, deps, at=at)
    require_fitting(request, version)
    deps.authenticator.note_model(caller, version.model, address=head.address)
    terms = deps.terms.find(caller.organization_id, version, at)
    return Admission(
        request_id=request_id,
        caller=caller,
        workspace_id=caller.workspace_id or "",
        request=request,
        body=body,
        headers=forwarded(head),
        route=route,
        version=version,
        asked=agree(_conditions(request), terms),
        asked_at=at,
        terms=terms,
        prompt_tokens_max=_bound_prompt(request, body, version),
        cache=make_plan(body, _cache_scope(caller, version)) if route.keeps_cache else None,
        labels=read_labels(head, request, caller.organization_id, labelling=deps.labelling),
    )


def find_model(
    model: str, caller: Caller, deps: GatewayDeps, *, at: datetime
) -> tuple[ModelRoute, PriceVersion]:
    """The route and the price of a model that the key may ask; a refusal is noted, and raised as by both."""
    try:
        route, version = deps.catalog.find(model, at)
        require_allowed(caller, version.model)
    except (UnknownModelError, UnpricedModelError, ModelNotAllowedError) as error:
        # A name that is in no price book is anybody's invention, and would be a row of its own.
        name = model if deps.catalog.is_in_book(model) else NO_MODEL
        deps.watch.note_refusal(Refused(caller.organization_id, caller.workspace_id or "", name, error.code))
        raise
    return route, version


def require_allowed(caller: Caller, model: str) -> None:
    """Raise ModelNotAllowedError where the caller's key may not ask this model."""
    if caller.models is not None and model not in caller.models:
        raise ModelNotAllowedError(caller.key_id, model, allowed=caller.models)


def _cache_scope(caller: Caller, version: PriceVersion) -> Scope:
    return Scope(caller.organization_id, caller.workspace_id or "", version.model)


def forwarded(head: Head) -> dict[str, str]:
    """The headers that travel on to the upstream."""
    headers = {"anthropic-version": head.api_version}
    if head.beta:
        headers["anthropic-beta"] = head.beta
    return headers


def pass_limits(admission: Admission, deps: GatewayDeps) -> Reservation | None:
    """Pass the rate limits of the workspace and its organization; None where there are none.

    Raises RateLimitedError; then nothing was taken of any.
    """
    limiter = deps.limiter
    if limiter.is_off:
        return None
    at_us = clock.read_us()
    card = admission.version.card
    line = limiter.find_line(
        admission.caller.organization_id,
        admission.workspace_id,
        group=limiter.groups.find(card.model, card.line),
        at_us=at_us,
    )
    if line is None:
        return None
    return line.reserve(admission.prompt_tokens_max, admission.request.max_tokens, at_us=at_us)


async def take_hold(admission: Admission, deps: GatewayDeps) -> Hold:
    """Hold the cheap bound; when credit is too tight for it, the bounds of real counts, cheapest first.

    Raises InsufficientCreditError when none of them fits; it names what the lowest would need.
    """
    ask = _hold_ask(admission, _amount(admission, admission.prompt_tokens_max))
    try:
        return await deps.charging.hold(ask)
    except REFUSALS as error:
        if _amount(admission, 0) > _left_nano(error):
            raise
        refusal = error
    lowest_nano = ask.amount_nano
    async for prompt_tokens in _tighter_bounds(admission, deps):
        amount_nano = _amount(admission, min(prompt_tokens, admission.prompt_tokens_max))
        if amount_nano >= lowest_nano:
            continue
        lowest_nano = amount_nano
        try:
            return await deps.charging.hold(_hold_ask(admission, amount_nano))
        except REFUSALS as error:
            refusal = error
    raise refusal


def _left_nano(refusal: InsufficientCreditError | BudgetExceededError) -> int:
    match refusal:
        case InsufficientCreditError():
            return refusal.available_nano
        case _:
            return refusal.left_nano


def _tighter_bounds(admission: Admission, deps: GatewayDeps) -> AsyncIterator[int]:
    ask = CountAsk(admission.request.prompt, admission.body, admission.headers)
    return tighter_bounds(ask, admission.route, family=admission.version.family, counter=deps.counter)


def _conditions(request: MessagesRequest) -> Conditions:
    if request.inference_geo is None and request.speed is None:
        return STANDARD
    return Conditions("standard", request.inference_geo or "global", request.speed or "standard")


def _bound_prompt(request: MessagesRequest, body: bytes, version: PriceVersion) -> int:
    try:
        return bound_prompt(
            request.prompt,
            body_bytes=len(body),
            family=version.family,
            context_window=version.max_input_tokens,
        )
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"messages: {error}") from None
    except RecursionError:
        raise InvalidRequestError("The request body is nested too deeply.") from None


def _amount(admission: Admission, prompt_tokens: int) -> int:
    return bound(
        prompt_tokens,
        admission.request,
        version=admission.version,
        conditions=admission.asked,
        body=admission.body,
    )


def _hold_ask(admission: Admission, amount_nano: int) -> HoldAsk:
    return HoldAsk(
        request_id=admission.request_id,
        organization_id=admission.caller.organization_id,
        workspace_id=admission.workspace_id,
        key_id=admission.caller.key_id,
        model=admission.version.model,
        upstream=admission.route.upstream.name,
        price_version=admission.version,
        amount_nano=amount_nano,
        is_rehearsal=admission.route.is_rehearsal,
        outage_cap_nano=admission.caller.outage_cap_nano,
        asked_at=admission.asked_at,
        terms=admission.terms,
        labels=admission.labels,
    )
