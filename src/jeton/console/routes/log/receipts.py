"""Receipts: one request's charge, explained; checking a copy of it; and disputing it."""

from collections.abc import Mapping
from datetime import timedelta

from jeton.console.errors import InvalidFormError, RoleInsufficientError
from jeton.console.visit import View, Visit
from jeton.identity.roles.permissions import Permission
from jeton.insight.costs.attempts import list_attempts, render_operator_part, sum_costs
from jeton.insight.evidence.digest import is_same
from jeton.insight.receipt import get_receipt
from jeton.insight.receipt_json import render_receipt
from jeton.money import render_usd
from jeton.notifications.inbox.items import WantedItem, find_open_since, open_item

INBOX_KIND = "charge_dispute"
REASON_CHARS_MAX = 2_000
PATH = "/console/requests"


async def show_receipt(visit: Visit) -> View:
    """The receipt of one request of the organization; to an operator, with what it cost upstream."""
    request_id, kept = visit.request.path_params["request_id"], visit.find_filter("digest")
    async with visit.deps.pool.connection() as connection:
        receipt = await get_receipt(connection, visit.session.organization_id, request_id)
        attempts = await list_attempts(connection, request_id) if visit.is_operator else ()
        disputed_at = await find_open_since(connection, INBOX_KIND, receipt.request_id)
    twin = render_receipt(receipt)
    digest = twin["digest"]
    if visit.is_operator:
        twin["operator"] = render_operator_part(attempts, receipt.money.net_nano)
    context = {
        "receipt": receipt,
        "attempts": attempts,
        "cost_nano": sum_costs(attempts),
        "next_day": receipt.times.held_at.date() + timedelta(days=1),
        "digest": digest,
        "kept": kept,
        "is_same": is_same(kept, str(digest)) if kept and digest else False,
        "disputed_at": disputed_at,
        "may_dispute": _may_dispute(visit) and receipt.state in {"settled", "mismatch"},
        "may_see_invoices": visit.may(Permission.SEE_BILLING),
        "reason_chars_max": REASON_CHARS_MAX,
    }
    return View("log/receipt.html", context, twin)


async def dispute(visit: Visit, form: Mapping[str, str]) -> str:
    """Put a charge that somebody does not believe into the operator's inbox, once while it is open there."""
    if not _may_dispute(visit):
        raise RoleInsufficientError(visit.session.role, "admin, billing or developer")
    request_id, reason = visit.request.path_params["request_id"], form.get("reason", "").strip()
    if not 0 < len(reason) <= REASON_CHARS_MAX:
        raise InvalidFormError(f"say what is wrong with it, in 1 to {REASON_CHARS_MAX} characters")
    async with visit.deps.pool.connection() as connection:
        receipt = await get_receipt(connection, visit.session.organization_id, request_id)
        if receipt.state not in {"settled", "mismatch"}:
            raise InvalidFormError("nothing was charged for this request, so there is nothing to dispute")
        item = WantedItem(
            INBOX_KIND,
            reason,
            email=visit.session.email,
            company=visit.session.organization_name,
            subject=f"Charge of {receipt.request_id}",
            details={
                "organization_id": str(receipt.parties.organization_id),
                "request_id": receipt.request_id,
                "model": receipt.model,
                "state": receipt.state,
                "net_amount": render_usd(receipt.money.net_nano),
                "digest": render_receipt(receipt)["digest"],
            },
            dedup_key=receipt.request_id,
            is_told=True,
        )
        await open_item(connection, item)
    return f"{PATH}/{receipt.request_id}#dispute"


def _may_dispute(visit: Visit) -> bool:
    return visit.may(Permission.MANAGE_BILLING) or visit.may(Permission.MANAGE_KEYS)
