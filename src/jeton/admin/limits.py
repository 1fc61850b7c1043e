"""Rate limits over the Admin API, in the form that the Claude API's clients know.

An organization sees its own limits, which the operator sets, and sets further, narrower ones for its
workspaces. The id of an entry is its group's.
"""

from dataclasses import replace

import msgspec
from starlette.routing import BaseRoute, Route

from jeton.admin.deps import AdminDeps
from jeton.admin.errors import InvalidBodyError, InvalidQueryError
from jeton.admin.resource import Call, Resource
from jeton.charging.limits.keeping import Place, clear_limits, set_limits
from jeton.charging.limits.terms import GroupLimits, list_in_force
from jeton.errors import NotFoundError
from jeton.identity.audit import Actor
from jeton.identity.organizations import get_workspace
from jeton.limits.words import UNLIMITED, Kind

# A limit's type in the API; ours counts no cache reads.
TYPES: dict[Kind, str] = {
    "requests": "requests_per_minute",
    "input_tokens": "input_tokens_per_minute_cache_aware",
    "output_tokens": "output_tokens_per_minute",
}
_KINDS = {name: kind for kind, name in TYPES.items()}
_GROUP_TYPES = ("model_group", "batch", "files", "skills", "token_count", "web_search")


class UnknownRateLimitError(NotFoundError):
    """No model is in such a group, or it has no limits."""

    code = "rate_limit_unknown"


class LimitValue(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One limit of a body; null takes it away."""

    type: str
    value: int | None


class ChangeLimits(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that changes a workspace's limits for a group; what is not there stays."""

    limits: list[LimitValue]


def limit_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of rate limits."""
    path = "/v1/organizations/workspaces/{workspace_id}/rate_limits"
    return [
        Route("/v1/organizations/rate_limits", Resource(deps, {"GET": _list})),
        Route(path, Resource(deps, {"GET": _list_workspace})),
        Route(f"{path}/{{rate_limit_id}}", Resource(deps, {"POST": _change_workspace})),
    ]


async def _list(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    has_groups = _wants_models(call)
    model = call.find_text("model")
    async with call.connect() as connection:
        groups = await list_in_force(connection, caller.organization_id, call.deps.limit_terms)
    shown = [group for group in groups if group.limits != UNLIMITED and has_groups]
    if model:
        shown = [group for group in shown if model in group.models]
        if not shown:
            raise UnknownRateLimitError(f"There are no rate limits for the model {model}.")
    return _page([_render(group) for group in shown])


async def _list_workspace(call: Call) -> dict[str, object]:
    call.require_admin()
    workspace_id = str(call.request.path_params["workspace_id"])
    has_inherited = call.find_text("include_inherited").lower() == "true"
    pairs = await _read_pairs(call, workspace_id) if _wants_models(call) else []
    entries = [_render_workspace(workspace_id, pair, has_inherited=has_inherited) for pair in pairs]
    return _page([entry for entry in entries if entry["limits"]])


async def _change_workspace(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    workspace_id = str(call.request.path_params["workspace_id"])
    body = call.read_body(ChangeLimits)
    entry_id = str(call.request.path_params["rate_limit_id"])
    before = next((own for own, _ in await _read_pairs(call, workspace_id) if _id_of(own) == entry_id), None)
    if before is None:
        raise UnknownRateLimitError(f"There is no rate limit {entry_id!a}.")
    limits = before.limits
    for value in body.limits:
        if value.type not in _KINDS:
            raise InvalidBodyError(f"limits: a type is one of {', '.join(_KINDS)}, not {value.type!a}")
        limits = replace(limits, **{_KINDS[value.type]: value.value})
    place = Place(caller.organization_id, workspace_id, before.group)
    by = Actor("key", caller.key_id)
    async with call.connect() as connection:
        if limits == UNLIMITED:
            await clear_limits(connection, place, by=by)
        else:
            await set_limits(connection, place, limits, by=by)
    pairs = await _read_pairs(call, workspace_id)
    pair = next(pair for pair in pairs if pair[0].group == before.group)
    return _render_workspace(workspace_id, pair, has_inherited=False)


async def _read_pairs(call: Call, workspace_id: str) -> list[tuple[GroupLimits, GroupLimits]]:
    """Of every group the workspace's limits and the organization's."""
    organization_id, terms = call.caller.organization_id, call.deps.limit_terms
    async with call.connect() as connection:
        await get_workspace(connection, organization_id, workspace_id)
        own = await list_in_force(connection, organization_id, terms, workspace_id=workspace_id)
        shared = await list_in_force(connection, organization_id, terms)
    return list(zip(own, shared, strict=True))


def _wants_models(call: Call) -> bool:
    """Whether groups of models are wanted, the only ones that have limits here."""
    text = call.find_text("group_type")
    if text and text not in _GROUP_TYPES:
        raise InvalidQueryError("group_type", f"must be one of {', '.join(_GROUP_TYPES)}")
    return text in {"", _GROUP_TYPES[0]}


def _id_of(group: GroupLimits) -> str:
    return f"rl_{group.group}"


def _page(data: list[dict[str, object]]) -> dict[str, object]:
    return {"data": data, "next_page": None}


def _render_group(group: GroupLimits) -> dict[str, object]:
    return {"type": "model_group", "id": f"rlg_{group.group}", "display_name": group.group}


def _render(group: GroupLimits) -> dict[str, object]:
    limits = [{"type": TYPES[kind], "value": value} for kind, value in group.limits.by_kind if value]
    return {
        "type": "rate_limit",
        "id": _id_of(group),
        "group": _render_group(group),
        "models": list(group.models),
        "limits": limits,
    }


def _render_workspace(
    workspace_id: str, pair: tuple[GroupLimits, GroupLimits], *, has_inherited: bool
) -> dict[str, object]:
    own, shared = pair
    limits: list[dict[str, object]] = []
    for (kind, value), (_, org_limit) in zip(own.limits.by_kind, shared.limits.by_kind, strict=True):
        shown = value or (org_limit if has_inherited else None)
        if shown is not None:
            source = {"type": "organization" if value is None else "workspace"}
            limits.append({"type": TYPES[kind], "value": shown, "org_limit": org_limit, "source": source})
    return {
        "type": "workspace_rate_limit",
        "rate_limit_id": _id_of(own),
        "workspace_id": workspace_id,
        "group": _render_group(own),
        "models": list(own.models),
        "limits": limits,
    }
