"""Batching: Message Batches in one process: what receives them, and what works on them."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from jeton.app.background import run_in_background
from jeton.app.routing import Routing
from jeton.batches.desk import BatchDesk
from jeton.batches.uploading.uploads import Uploads
from jeton.batches.working.gates import Gates
from jeton.batches.working.keeping import Keeper
from jeton.batches.working.running import Runner
from jeton.charging.agreeing.book import TermsBook
from jeton.charging.members import Member, Outcome
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import Pool
from jeton.gateway.batching.judging import ItemJudge
from jeton.gateway.labelling.reading import Labelling
from jeton.settings import Settings
from jeton.tokens.counter.counting import Counter


@dataclass(frozen=True, slots=True)
class Batching:
    """What the paths of batches are wired to."""

    uploads: Uploads
    keeper: Keeper
    desk: BatchDesk


@dataclass(frozen=True, slots=True)
class BatchPlace:
    """The process that batches are worked on in; ``count_in_flight`` counts its requests, which go first.

    ``counter`` says what quotes expect; who asks for none needs none.
    """

    pool: Pool
    commits: GroupCommit[Member, Outcome]
    routing: Routing
    node_id: str
    count_in_flight: Callable[[], int] = lambda: 0
    terms: TermsBook = field(default_factory=TermsBook)
    counter: Counter | None = None


async def open_batching(settings: Settings, place: BatchPlace, stack: AsyncExitStack) -> Batching:
    """Receive batches, and work on them until the stack is closed."""
    labelling = Labelling(settings.end_users, settings.end_user_key)
    judge = ItemJudge(place.routing.catalog, place.terms, labelling=labelling, counter=place.counter)
    gates = Gates(settings.batch_concurrency, count_in_flight=place.count_in_flight)
    runner = Runner(place.pool, place.commits, judge, gates=gates, costs=place.routing.costs)
    keeper = Keeper(place.pool, place.commits, runner)
    await keeper.jobs.open()
    run_in_background(stack, "batches", keeper.run)
    if settings.batch_chunks_max:
        run_in_background(stack, "batch worker", lambda: keeper.jobs.work(settings.batch_chunks_max))
    uploads = Uploads(
        place.pool, place.commits, judge, node_id=place.node_id, queue_max=settings.batch_queue_max
    )
    return Batching(uploads, keeper, BatchDesk(place.pool, uploads, judge, keeper.wake))
