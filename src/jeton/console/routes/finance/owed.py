"""Owed: what lost disputes and refunds made elsewhere left owed of used credit, on no document; giving it up.

Giving up takes two steps: a claim is chosen, which the address says, and then confirmed with a reason.
"""

from collections.abc import Mapping

from jeton import clock
from jeton.billing.receivables.claims.giving_up import give_up_claim
from jeton.billing.receivables.claims.reading import Claim, list_claims, render_claim
from jeton.console.routes.billing.desk import read_dollars, read_id, read_key
from jeton.console.routes.finance.documents import PLACE as DOCUMENTS
from jeton.console.routes.finance.documents import REASON_CHARS_MAX
from jeton.console.routes.finance.reading import read_act
from jeton.console.visit import View, Visit
from jeton.ids import new_id

PLACE = f"{DOCUMENTS}/owed"
SHOWN_MAX = 100


async def show_owed(visit: Visit) -> View:
    """Claims with something open, the longest owed first; ``give_up`` is the payment whose form is shown."""
    visit.require_operator()
    wanted = visit.find_filter("give_up")
    async with visit.deps.pool.connection() as connection:
        found = await list_claims(connection, limit=SHOWN_MAX + 1)
    shown, at = found[:SHOWN_MAX], clock.now()
    context = {
        "as_of": at,
        "claims": shown,
        "chosen": next((one for one in found if one.payment_id == wanted), None),
        "is_gone": bool(wanted) and wanted not in {one.payment_id for one in found},
        "names": {one.organization_id: one.organization for one in shown},
        "sum_nano": _sum(shown),
        "has_more": len(found) > SHOWN_MAX,
        "reason_chars_max": REASON_CHARS_MAX,
        "idempotency_key": new_id("form"),
    }
    data = {
        "type": "claim_list",
        "as_of": at.isoformat(),
        "data": [render_claim(one) for one in shown],
        "has_more": len(found) > SHOWN_MAX,
    }
    return View("finance/owed.html", context, data)


async def give_up(visit: Visit, form: Mapping[str, str]) -> str:
    """Give up what is owed of a payment, or so many dollars of it; the same form again changes nothing."""
    visit.require_operator()
    amount_nano = read_dollars(form, "amount") if form.get("amount", "").strip() else None
    async with visit.deps.pool.connection() as connection:
        await give_up_claim(
            connection,
            read_id(visit, "payment_id"),
            read_act(visit, form),
            amount_nano=amount_nano,
            key=read_key(form),
        )
    return PLACE


def _sum(claims: tuple[Claim, ...]) -> int:
    """What is open, in nano."""
    return sum(one.open_nano for one in claims)
