"""Receipts: one request's charge, explained."""

from datetime import timedelta

from jeton.console.visit import View, Visit
from jeton.insight.costs.attempts import list_attempts, render_operator_part, sum_costs
from jeton.insight.receipt import get_receipt
from jeton.insight.receipt_json import render_receipt


async def show_receipt(visit: Visit) -> View:
    """The receipt of one request of the organization; to an operator, with what it cost upstream."""
    request_id = visit.request.path_params["request_id"]
    async with visit.deps.pool.connection() as connection:
        receipt = await get_receipt(connection, visit.session.organization_id, request_id)
        attempts = await list_attempts(connection, request_id) if visit.is_operator else ()
    twin = render_receipt(receipt)
    if visit.is_operator:
        twin["operator"] = render_operator_part(attempts, receipt.money.net_nano)
    context = {
        "receipt": receipt,
        "attempts": attempts,
        "cost_nano": sum_costs(attempts),
        "next_day": receipt.times.held_at.date() + timedelta(days=1),
    }
    return View("log/receipt.html", context, twin)
