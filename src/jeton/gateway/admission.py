"""Admission: from head and bytes to a request that may run, with its price and the most it can cost."""

import msgspec

from jeton import clock
from jeton.charging.bound import bound
from jeton.charging.words import Hold, HoldAsk
from jeton.errors import InsufficientCreditError, UpstreamError
from jeton.gateway.catalog import ModelRoute
from jeton.gateway.deps import GatewayDeps
from jeton.gateway.errors import ApiKeyRequiredError, InvalidRequestError, OtherWorkspaceError
from jeton.gateway.parsing import Head, parse_messages, require_fitting, require_version
from jeton.identity.caller import Caller
from jeton.pricing.book import PriceVersion
from jeton.pricing.rating import STANDARD, Conditions
from jeton.tokens.bound import bound_prompt
from jeton.upstreams.interface import MessagesRequest

# An upstream's count is an estimate (claude-api 2.1), so a hold by it takes a little more.
COUNT_MARGIN_DIVISOR = 20
COUNT_MARGIN_TOKENS = 64
COUNT_FIELDS = frozenset(
    {
        "cache_control",
        "messages",
        "model",
        "output_config",
        "speed",
        "system",
        "thinking",
        "tool_choice",
        "tools",
    }
)


class Admission(msgspec.Struct, frozen=True):
    """One request that may run; ``prompt_tokens_max`` is the cheap bound of its prompt."""

    request_id: str
    caller: Caller
    workspace_id: str
    request: MessagesRequest
    body: bytes
    headers: dict[str, str]
    route: ModelRoute
    version: PriceVersion
    asked: Conditions
    prompt_tokens_max: int


async def authenticate(head: Head, deps: GatewayDeps) -> tuple[Caller, str]:
    """The caller and its workspace; NotAuthenticatedError or NotPermittedError."""
    caller = await deps.authenticator.authenticate(head.secret)
    if caller.kind != "api" or caller.workspace_id is None:
        raise ApiKeyRequiredError
    if head.workspace_id and head.workspace_id != caller.workspace_id:
        raise OtherWorkspaceError(head.workspace_id[:100], caller.workspace_id)
    return caller, caller.workspace_id


def admit(head: Head, body: bytes, *, request_id: str, caller: Caller, deps: GatewayDeps) -> Admission:
    """Validate, find upstream and price, and bound the prompt; raises InvalidInputError or NotFoundError."""
    request = parse_messages(body, require_version(head))
    route, version = deps.catalog.find(request.model, clock.now())
    require_fitting(request, version)
    return Admission(
        request_id=request_id,
        caller=caller,
        workspace_id=caller.workspace_id or "",
        request=request,
        body=body,
        headers=forwarded(head),
        route=route,
        version=version,
        asked=_conditions(request),
        prompt_tokens_max=_bound_prompt(request, body, version),
    )


def forwarded(head: Head) -> dict[str, str]:
    """The headers that travel on to the upstream."""
    headers = {"anthropic-version": head.api_version}
    if head.beta:
        headers["anthropic-beta"] = head.beta
    return headers


async def take_hold(admission: Admission, deps: GatewayDeps) -> Hold:
    """Hold the cheap bound; when credit is too tight for it, the bound of a real count.

    Raises InsufficientCreditError when even that does not fit.
    """
    ask = _hold_ask(admission, _amount(admission, admission.prompt_tokens_max))
    try:
        return await deps.charging.hold(ask)
    except InsufficientCreditError as refusal:
        if _amount(admission, 0) > refusal.available_nano:
            raise
        amount_nano = await _counted_amount(admission)
        if amount_nano is None or amount_nano >= ask.amount_nano:
            raise
    return await deps.charging.hold(_hold_ask(admission, amount_nano))


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


async def _counted_amount(admission: Admission) -> int | None:
    """The bound (nano) by the upstream's own count; None when it cannot count now."""
    route = admission.route
    try:
        tokens = await route.upstream.count_tokens(
            admission.headers, admission.request.prompt, _count_body(admission.body)
        )
    except UpstreamError:
        return None
    if not route.counts_exactly:
        tokens += tokens // COUNT_MARGIN_DIVISOR + COUNT_MARGIN_TOKENS
    return _amount(admission, min(tokens, admission.prompt_tokens_max))


def _count_body(body: bytes) -> bytes:
    """The body of a count: the Messages API refuses there what belongs to an answer only."""
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({name: raw for name, raw in fields.items() if name in COUNT_FIELDS})


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
    )
