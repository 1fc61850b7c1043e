"""Working: the jobs of billing in one process, a server or a worker."""

from contextlib import AsyncExitStack

from jeton.app.background import run_in_background
from jeton.app.billing.duties import make_duties
from jeton.billing.jobs.keeping import Keeper
from jeton.billing.jobs.running import Runner
from jeton.billing.payments.till import Till
from jeton.settings import Settings


async def open_billing_jobs(settings: Settings, till: Till, stack: AsyncExitStack, *, node_id: str) -> None:
    """Do the jobs of billing until the stack is closed; nothing where the settings leave them to others."""
    if not settings.billing_jobs:
        return
    keeper = Keeper(till.pool, Runner(till.pool, make_duties(settings, till), node_id=node_id))
    await keeper.open()
    run_in_background(stack, "billing jobs", keeper.keep)
    run_in_background(stack, "billing worker", keeper.work)
