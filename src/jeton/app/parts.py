"""Parts: everything a serving process is made of, opened in order and closed in reverse.

Mistakes in settings and prices are found before the database is started. On the way out requests
in flight end first, then what waits for a commit is committed, then the database stops.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from jeton import clock
from jeton.app.background import run_in_background
from jeton.app.batching import Batching, BatchPlace, open_batching
from jeton.app.billing.till import make_till
from jeton.app.billing.working import open_billing_jobs
from jeton.app.crashing import make_checkpoint
from jeton.app.demo import check_trial_models
from jeton.app.notifying import make_notifier
from jeton.app.observing.watching import make_watch
from jeton.app.prompt_caching import PromptCache
from jeton.app.proving.schedule import find_proof_interval, run_prover
from jeton.app.routing import Routing, open_routing
from jeton.billing.payments.till import Till
from jeton.charging.agreeing.book import TermsBook
from jeton.charging.agreeing.following import TermsFollower
from jeton.charging.charging import Charging
from jeton.charging.costing.costing import CostBook
from jeton.charging.leasing.leases import Leases
from jeton.charging.limits.following import Follower
from jeton.charging.limits.terms import LimitTerms, make_terms
from jeton.charging.members import Member, Outcome
from jeton.charging.outage.replaying import replay, run_replayer
from jeton.charging.outage.spool import Spool
from jeton.charging.posting import Posting, stop_at
from jeton.charging.price_versions import record_price_versions
from jeton.charging.proposing.following import PriceFollower
from jeton.charging.sweeping import REPLAY_GRACE_S, run_sweeper
from jeton.db.data_directory import ADDRESS_FILE, lock_data_directory, write_private
from jeton.db.embedded import EmbeddedServer
from jeton.db.group_commit import GroupCommit
from jeton.db.migrating import migrate
from jeton.db.pool import Pool, open_pool
from jeton.gateway.deps import Exchanges
from jeton.identity.key_ring import KeyRing
from jeton.identity.passwords import Passwords
from jeton.ids import new_id
from jeton.insight.live.feed import Feed
from jeton.limits.limiter import Limiter
from jeton.pricing.book import PriceBook
from jeton.pricing.loading import load_book
from jeton.settings import Settings
from jeton.tokens.counter.counting import Counter, load_counter
from jeton.tokens.estimate import load_estimator
from jeton.watch.watch import Watch

FIRST_CONNECTIONS = 3
SPOOL_FILE = "spool/ends.jsonl"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the edges are wired to."""

    settings: Settings
    book: PriceBook
    routing: Routing
    pool: Pool
    key_ring: KeyRing
    passwords: Passwords
    commits: GroupCommit[Member, Outcome]
    charging: Charging
    exchanges: Exchanges
    counter: Counter
    watch: Watch
    limit_terms: LimitTerms
    limiter: Limiter
    terms: TermsBook
    checkpoint: Callable[[str], None]
    batching: Batching
    till: Till
    live: Feed


@asynccontextmanager
async def open_parts(settings: Settings, report: Callable[[str], None]) -> AsyncIterator[Parts]:
    """Open everything; ``report`` gets a sentence when something takes long.

    Raises ConfigurationError, and what the database's parts raise.
    """
    book = load_book(*settings.prices_dir)
    check_trial_models(settings, book)
    _make_limit_terms(settings, book)
    counter = load_counter(dict(settings.tokenizer_files), find_estimator=load_estimator)
    async with AsyncExitStack() as stack:
        prompt_cache = PromptCache(counter)
        database_url = await _open_database(settings, stack, report)
        await migrate(database_url)
        pool = await open_pool(
            database_url, connections_min=FIRST_CONNECTIONS, connections_max=settings.connections_max
        )
        stack.push_async_callback(pool.close)
        prompt_cache.open(pool, stack)
        async with pool.connection() as connection:
            await record_price_versions(connection, book.versions)
        prices = PriceFollower(pool, book)
        await prices.read()
        # With what was approved before this start: the only price of a model may have been.
        routing = open_routing(settings, book, prompt_cache)
        for upstream in routing.upstreams:
            stack.push_async_callback(upstream.close)
        run_in_background(stack, "prices", prices.run)
        _publish_address(settings, database_url, stack)
        yield await _start(settings, book=book, counter=counter, routing=routing, pool=pool, stack=stack)


async def _open_database(settings: Settings, stack: AsyncExitStack, report: Callable[[str], None]) -> str:
    if settings.database_url:
        stack.callback(lock_data_directory(settings.data_dir).close)
        return settings.database_url
    server = EmbeddedServer(settings.data_dir, report=report)
    database_url = await server.start()
    stack.push_async_callback(server.stop)
    run_in_background(stack, "embedded database", server.watch)
    return database_url


async def _start(
    settings: Settings,
    *,
    book: PriceBook,
    counter: Counter,
    routing: Routing,
    pool: Pool,
    stack: AsyncExitStack,
) -> Parts:
    checkpoint = make_checkpoint(settings.crash_at)
    node_id = new_id("node")
    limit_terms = _make_limit_terms(settings, book)
    limiter = await _open_limiter(limit_terms, pool, stack, node_id)
    commits, charging = await _open_charging(
        settings, pool, stack, checkpoint=checkpoint, node_id=node_id, costs=routing.costs
    )
    key_ring = KeyRing(pool)
    run_in_background(stack, "key ring", key_ring.run)
    stack.push_async_callback(key_ring.uses.flush, pool)
    run_in_background(stack, "key uses", lambda: key_ring.uses.run(pool))
    run_in_background(stack, "notifications", make_notifier(settings, pool, book).run)
    every = find_proof_interval(settings)
    run_in_background(stack, "proofs", lambda: run_prover(pool, kind="serve", every=every))
    watch = make_watch(pool, counter)
    stack.push_async_callback(watch.close)
    run_in_background(stack, "watch", watch.run)
    exchanges = Exchanges()
    terms = await _open_terms(pool, stack)
    place = BatchPlace(
        pool,
        commits,
        routing,
        node_id,
        count_in_flight=lambda: len(exchanges),
        terms=terms,
        counter=counter,
    )
    batching = await open_batching(settings, place, stack)
    till = make_till(settings, pool)
    await open_billing_jobs(settings, till, stack, node_id=node_id)
    stack.push_async_callback(exchanges.drain, settings.stop_timeout_s)
    return Parts(
        settings=settings,
        book=book,
        routing=routing,
        pool=pool,
        key_ring=key_ring,
        passwords=Passwords(),
        commits=commits,
        charging=charging,
        exchanges=exchanges,
        counter=counter,
        watch=watch,
        limit_terms=limit_terms,
        limiter=limiter,
        terms=terms,
        checkpoint=checkpoint,
        batching=batching,
        till=till,
        live=Feed(pool),
    )


def _make_limit_terms(settings: Settings, book: PriceBook) -> LimitTerms:
    groups = dict(settings.rate_limit_groups)
    return make_terms(settings.limits_by_group, groups, book=book, reserve=settings.rate_limit_reserve)


async def _open_limiter(terms: LimitTerms, pool: Pool, stack: AsyncExitStack, node_id: str) -> Limiter:
    """The rate limits of this node, which is one of the nodes from now on."""
    limiter = terms.make_limiter(clock.read_us())
    follower = Follower(pool, limiter, node_id=node_id)
    await follower.join()
    stack.push_async_callback(follower.leave)
    run_in_background(stack, "rate limits", follower.run)
    return limiter


async def _open_terms(pool: Pool, stack: AsyncExitStack) -> TermsBook:
    """What organizations have agreed on, known before the first request."""
    book = TermsBook()
    follower = TermsFollower(pool, book)
    await follower.read()
    run_in_background(stack, "terms", follower.run)
    return book


async def _open_charging(
    settings: Settings,
    pool: Pool,
    stack: AsyncExitStack,
    *,
    checkpoint: Callable[[str], None],
    node_id: str,
    costs: Mapping[str, CostBook],
) -> tuple[GroupCommit[Member, Outcome], Charging]:
    """The money path, after everything that an earlier run could not book is booked."""
    spool_path = settings.data_dir / SPOOL_FILE
    spool = Spool(spool_path, bytes_max=settings.spool_bytes_max, checkpoint=checkpoint)
    stack.push_async_callback(spool.close)
    posting = Posting()
    commits: GroupCommit[Member, Outcome] = GroupCommit(
        pool,
        stop_at(checkpoint, posting.post) if settings.crash_at else posting.post,
        members_max=settings.commit_members_max,
        delay_max_s=settings.commit_delay_max_s,
        waiting_max=settings.commit_waiting_max,
        on_commit=posting.keep,
    )
    stack.push_async_callback(commits.close)
    if spool.count:
        await replay(pool, commits, spool)
    # An embedded database is nobody else's, and what this node kept is booked by now.
    grace_s = REPLAY_GRACE_S if settings.database_url else 0
    run_in_background(
        stack,
        "sweeper",
        lambda: run_sweeper(pool, commits, interval_s=settings.sweep_interval_s, grace_s=grace_s),
    )
    leases = Leases(pool, commits, node_id=node_id)
    stack.push_async_callback(leases.close)
    run_in_background(stack, "leases", leases.run)
    run_in_background(stack, "lease recalls", leases.listen)
    charging = Charging(
        commits,
        node_id=node_id,
        validity_s=settings.hold_validity_s,
        spool=spool,
        leases=leases,
        costs=costs,
    )
    again = charging.continuing.start_again
    run_in_background(stack, "replayer", lambda: run_replayer(pool, commits, spool, on_replay=again))
    return commits, charging


def _publish_address(settings: Settings, database_url: str, stack: AsyncExitStack) -> None:
    """Let the other commands of this user find the database while we run."""
    path = settings.data_dir / ADDRESS_FILE
    write_private(path, f"{database_url}\n")
    stack.callback(path.unlink, missing_ok=True)
