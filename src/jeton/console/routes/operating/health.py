"""Health: whether the books are proved, what waits to be booked or sent, and which processes there are."""

from collections.abc import Mapping

from jeton import clock
from jeton.console.routes.operating.inbox import operator
from jeton.console.visit import View, Visit
from jeton.identity.audit import record_audit
from jeton.insight.accuracy import list_alarms, render_alarm
from jeton.insight.operating.health import get_health, render_health
from jeton.watch.proofs import request_proof

PLACE = "/console/health"
# From here on a lag is red: several times what a sweep, or a round of sending, takes.
LAG_BAD_S = 60


async def show_health(visit: Visit) -> View:
    """How all is, at this moment."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        health = await get_health(connection)
        alarms = await list_alarms(connection)
    spooled, spooled_bytes = visit.deps.read_spool()
    waiting = [alarm for alarm in alarms if alarm.acknowledged_at is None]
    context = {
        "health": health,
        "alarms": waiting,
        "spooled": spooled,
        "spooled_bytes": spooled_bytes,
        "lag_bad_s": LAG_BAD_S,
    }
    data = {
        **render_health(health),
        "spooled_ends": spooled,
        "spooled_bytes": spooled_bytes,
        "alarms": [render_alarm(alarm) for alarm in waiting],
    }
    return View("operating/health.html", context, data)


async def prove(visit: Visit, form: Mapping[str, str]) -> str:
    """Have the books proved, in the background and in the operator's name."""
    del form
    visit.require_operator()
    email = visit.session.email
    async with visit.deps.pool.connection() as connection:
        if await request_proof(connection, by=email, at=clock.now()):
            await record_audit(connection, operator(visit), "ledger.proof_requested", subject="ledger")
    return PLACE
