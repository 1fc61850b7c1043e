"""Alerts over the Admin API: which are given, when nobody wants to be told, and a test of where they go."""

from datetime import timedelta
from typing import Annotated

import msgspec
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.resource import Call, Resource
from jeton.identity.audit import Actor
from jeton.insight.budgets.alerts import list_alerts, render_alert, render_choices
from jeton.insight.budgets.standing import get_budget
from jeton.notifications.catalogue.testing import AlertTest
from jeton.notifications.events import Event, emit
from jeton.notifications.quiet.choices import AlertChoices, get_choices, set_choices
from jeton.notifications.quiet.snoozes import EVERYTHING, SNOOZE_MAX, list_snoozes, snooze


class ChooseAlerts(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that chooses which alerts are given; what is not there stays."""

    tells_anomalies: bool | None = None
    tells_price_changes: bool | None = None
    silence_hours: int | msgspec.UnsetType | None = msgspec.UNSET


class SnoozeAlerts(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that snoozes all alerts, or those of one budget; 0 hours end it."""

    hours: Annotated[int, msgspec.Meta(ge=0, le=SNOOZE_MAX // timedelta(hours=1))]
    budget_id: str | None = None


def alert_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of alerts."""
    path = "/v1/organizations/alerts"
    return [
        Route(path, Resource(deps, {"GET": _get, "POST": _choose})),
        Route(f"{path}/snooze", Resource(deps, {"POST": _snooze})),
        Route(f"{path}/test", Resource(deps, {"POST": _test})),
    ]


async def _get(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    organization_id, at = caller.organization_id, clock.now()
    async with call.connect() as connection:
        chosen = await get_choices(connection, organization_id)
        snoozes = await list_snoozes(connection, organization_id, at=at)
        alerts = await list_alerts(connection, organization_id)
    return {
        "type": "alerts",
        "as_of": at.isoformat(),
        **render_choices(chosen, snoozes),
        "data": [render_alert(alert) for alert in alerts],
    }


async def _choose(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    body = call.read_body(ChooseAlerts)
    async with call.connect() as connection:
        now = await get_choices(connection, caller.organization_id)
        hours = now.silence_hours if body.silence_hours is msgspec.UNSET else body.silence_hours
        choices = AlertChoices(
            tells_anomalies=now.tells_anomalies if body.tells_anomalies is None else body.tells_anomalies,
            tells_price_changes=(
                now.tells_price_changes if body.tells_price_changes is None else body.tells_price_changes
            ),
            silence_hours=hours,
        )
        await set_choices(connection, caller.organization_id, choices, by=_actor(call))
    return await _get(call)


async def _snooze(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    body, at = call.read_body(SnoozeAlerts), clock.now()
    async with call.connect() as connection:
        about = EVERYTHING
        if body.budget_id is not None:
            about = (await get_budget(connection, caller.organization_id, body.budget_id)).budget_id
        until = at + timedelta(hours=body.hours)
        await snooze(connection, caller.organization_id, about, until=until, by=_actor(call), at=at)
    return await _get(call)


async def _test(call: Call) -> dict[str, object]:
    """Have a test told wherever alerts are; at most one a minute."""
    caller = call.require_admin()
    organization_id, at = caller.organization_id, clock.now()
    told = AlertTest(asked_by=caller.key_id)
    async with call.connect() as connection:
        await emit(
            connection, Event(told, organization_id, f"alert_test:{organization_id}:{at:%Y%m%d%H%M}", at)
        )
    return {"type": "alert_test", "as_of": at.isoformat()}


def _actor(call: Call) -> Actor:
    return Actor("key", call.caller.key_id)
