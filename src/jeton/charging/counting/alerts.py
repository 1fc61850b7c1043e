"""Alerts: what is told when a budget reaches a threshold or is about to pass its limit."""

from jeton.ledger.budgets.tally import Alert
from jeton.money import render_usd
from jeton.notifications.catalogue import BudgetForecastBreach, BudgetThresholdReached
from jeton.notifications.catalogue.data import EventData
from jeton.notifications.events import Event


def render_alert(alert: Alert) -> Event:
    """The event of an alert; the same alert of the same limit and window is one event, for ever."""
    budget, window = alert.budget, alert.window
    name = "forecast" if alert.percent is None else str(alert.percent)
    key = f"budget:{budget.budget_id}:{window.starts_at.isoformat()}:{budget.limit_nano}:{name}"
    if alert.end_user:
        # Once a window: what it is by then, and of what limit, does not matter.
        key = f"budget:{budget.budget_id}:{window.starts_at.isoformat()}:each:{alert.end_user}"
    return Event(_render_data(alert), budget.organization_id, key, alert.at)


def _render_data(alert: Alert) -> EventData:
    budget, window = alert.budget, alert.window
    if alert.percent is None:
        return BudgetForecastBreach(
            budget_id=budget.budget_id,
            scope=budget.scope,
            scope_id=budget.scope_id,
            is_hard=budget.is_hard,
            limit=render_usd(budget.limit_nano),
            spent=render_usd(window.settled_nano),
            window_from=window.starts_at,
            window_until=window.ends_at,
            period=budget.period,
            zone=budget.zone,
            forecast=render_usd(alert.forecast_nano),
        )
    return BudgetThresholdReached(
        budget_id=budget.budget_id,
        scope=budget.scope,
        scope_id=alert.end_user or budget.scope_id,
        is_hard=budget.is_hard,
        limit=render_usd(budget.limit_nano),
        spent=render_usd(window.settled_nano),
        window_from=window.starts_at,
        window_until=window.ends_at,
        period=budget.period,
        zone=budget.zone,
        percent=alert.percent,
    )
