"""Requests: the list of charges, and the receipt of each."""

from typing import get_args
from urllib.parse import urlencode

from jeton.console.errors import InvalidFilterError
from jeton.console.visit import TWIN, View, Visit
from jeton.identity.keys import list_keys
from jeton.insight.costs.attempts import list_attempts, render_operator_part, sum_costs
from jeton.insight.receipt import get_receipt
from jeton.insight.receipt_json import render_receipt
from jeton.insight.requests import ChargeFilter, list_charges, render_charges
from jeton.insight.words import ReceiptState

STATES = tuple(state for state in get_args(ReceiptState) if state not in {"open", "mismatch"})


async def show_requests(visit: Visit) -> View:
    """A page of charges, newest first, filtered by the address."""
    wanted = ChargeFilter(
        model=visit.find_filter("model") or None,
        state=visit.find_filter("state") or None,
        key_id=visit.find_filter("key_id") or None,
    )
    if wanted.state is not None and wanted.state not in STATES:
        raise InvalidFilterError("state", f"is {wanted.state!r}, not one of {', '.join(STATES)}")
    before_id = visit.find_filter("before") or None
    organization_id = visit.session.organization_id
    async with visit.deps.pool.connection() as connection:
        page = await list_charges(connection, organization_id, filter_=wanted, before_id=before_id)
        keys = await list_keys(connection, organization_id)
    filters = {"model": wanted.model, "state": wanted.state, "key_id": wanted.key_id}
    query = {name: text for name, text in filters.items() if text}
    context = {
        "page": page,
        "wanted": wanted,
        "states": STATES,
        "keys": [key for key in keys if key.kind == "api"],
        "first_query": urlencode(query),
        "next_query": urlencode({**query, "before": page.next_id}) if page.next_id else "",
        "is_first": before_id is None,
    }
    return View("log/requests.html", context, render_charges(page))


async def show_receipt(visit: Visit) -> View:
    """The receipt of one request of the organization; to an operator, with what it cost upstream."""
    request_id = visit.request.path_params["request_id"].removesuffix(TWIN)
    async with visit.deps.pool.connection() as connection:
        receipt = await get_receipt(connection, visit.session.organization_id, request_id)
        attempts = await list_attempts(connection, request_id) if visit.is_operator else ()
    twin = render_receipt(receipt)
    if visit.is_operator:
        twin["operator"] = render_operator_part(attempts, receipt.money.net_nano)
    context = {"receipt": receipt, "attempts": attempts, "cost_nano": sum_costs(attempts)}
    return View("log/receipt.html", context, twin)
