"""Working: what has to be done beside the requests, in a process that serves none.

``jeton serve`` does all of this itself. Any number of workers may run beside it on the same database:
what is due is shared, and what one leaves undone another does.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from jeton.app.background import run_in_background
from jeton.app.batching import BatchPlace, open_batching
from jeton.app.billing.till import make_till
from jeton.app.billing.working import open_billing_jobs
from jeton.app.crashing import make_checkpoint
from jeton.app.notifying import make_notifier
from jeton.app.prompt_caching import PromptCache
from jeton.app.proving.schedule import find_proof_interval, run_prover
from jeton.app.routing import open_routing
from jeton.app.serving import STOP_SIGNALS, configure_logging
from jeton.charging.members import Member, Outcome
from jeton.charging.posting import Posting, stop_at
from jeton.charging.proposing.following import PriceFollower
from jeton.charging.sweeping import REPLAY_GRACE_S, run_sweeper
from jeton.db.group_commit import GroupCommit
from jeton.db.nodes import keep_beating, leave_nodes
from jeton.db.pool import Pool
from jeton.ids import new_id
from jeton.pricing.book import PriceBook
from jeton.pricing.loading import load_book
from jeton.settings import Settings
from jeton.tokens.counter.counting import load_counter
from jeton.tokens.estimate import load_estimator


async def work(settings: Settings, pool: Pool, *, announce: Callable[[], None]) -> None:
    """Sweep, notify, work on batches and do the jobs of billing until a signal."""
    configure_logging(settings.log_level)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopped.set)
    posting = Posting()
    post = stop_at(make_checkpoint(settings.crash_at), posting.post) if settings.crash_at else posting.post
    commits = GroupCommit[Member, Outcome](pool, post, on_commit=posting.keep)
    interval_s = settings.sweep_interval_s
    book = load_book(*settings.prices_dir)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(commits.close)
        run_in_background(
            stack,
            "sweeper",
            lambda: run_sweeper(pool, commits, interval_s=interval_s, grace_s=REPLAY_GRACE_S),
        )
        prices = PriceFollower(pool, book)
        await prices.read()
        run_in_background(stack, "prices", prices.run)
        run_in_background(stack, "notifications", make_notifier(settings, pool, book).run)
        node_id = new_id("node")
        stack.push_async_callback(leave_nodes, pool, node_id)
        run_in_background(stack, "node", lambda: keep_beating(pool, node_id, "work"))
        await _open_batching(settings, pool, commits, stack, book=book, node_id=node_id)
        await open_billing_jobs(settings, make_till(settings, pool), stack, node_id=node_id)
        every = find_proof_interval(settings)
        run_in_background(stack, "proofs", lambda: run_prover(pool, kind="work", every=every))
        announce()
        await stopped.wait()


async def _open_batching(
    settings: Settings,
    pool: Pool,
    commits: GroupCommit[Member, Outcome],
    stack: AsyncExitStack,
    *,
    book: PriceBook,
    node_id: str,
) -> None:
    """Work on Message Batches with the same upstreams and prices as the servers."""
    cache = PromptCache(load_counter(dict(settings.tokenizer_files), find_estimator=load_estimator))
    routing = open_routing(settings, book, cache)
    for upstream in routing.upstreams:
        stack.push_async_callback(upstream.close)
    cache.open(pool, stack)
    await open_batching(settings, BatchPlace(pool, commits, routing, node_id), stack)
