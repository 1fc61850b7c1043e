"""On PostgreSQL: the same lives, where every book is read under lock, or kept as a node keeps it.

Some batches are thrown away at the last moment, as by a crash: nothing of them may stay. At the end the
proof has to agree, too.
"""

import copy
from random import Random

from tests.chaos.fleet.payers import NO_TRIAL
from tests.chaos.lives.playing import Player
from tests.chaos.lives.world import STARTS_AT, World

from jeton.charging.credits import reversing
from jeton.charging.deciding import Batch
from jeton.charging.onboarding import open_organization
from jeton.charging.price_versions import record_price_versions
from jeton.charging.words import Charge
from jeton.db.channel import Channel
from jeton.db.pool import Connection, Pool
from jeton.identity.audit import SYSTEM
from jeton.insight.verify import verify
from jeton.ledger.book import Book
from jeton.ledger.journal import lock_books, read_lots

BATCH_MAX = 6
# So many batches are decided on the book as it was kept, and so many are tried and rolled back first.
KEPT_SHARE, FORGOTTEN_SHARE = 0.5, 0.1
_LIMIT = "UPDATE balances SET credit_limit_nano = %s WHERE organization_id = %s"
_KIND = "UPDATE organizations SET kind = 'invoiced' WHERE organization_id = %s"


async def play_on(pool: Pool, seed: int, operations: int, world: World) -> None:
    """One life in a database; AssertionError with the seed at the first difference."""
    async with pool.connection() as connection:
        await record_price_versions(connection, world.versions.values())
        organization = await open_organization(connection, name=f"Life {seed}", trial=NO_TRIAL)
    player = Player(seed, world, organization.organization_id)
    async with pool.connection() as connection:
        await _begin(connection, player)
    charges: dict[str, Charge] = {}
    random = Random(seed)  # noqa: S311 - a seed, so that a failure can be repeated
    book: Book | None = None
    while player.operations < operations:
        player.pass_time()
        async with pool.connection() as connection:
            if random.random() < FORGOTTEN_SHARE:
                other = copy.deepcopy(player, {id(world): world})
                await _play(connection, other, dict(charges), kept=None)
                await connection.rollback()
            kept = book if random.random() < KEPT_SHARE else None
            book = await _play(connection, player, charges, kept=kept)
    async with pool.connection() as connection:
        channel = Channel(connection)
        books = await lock_books(channel, [player.organization_id], player.open_ids())
        channel.close()
        player.compare_all(books[player.organization_id])
    async with pool.connection() as connection:
        proof = await verify(connection)
    assert proof.findings == [], f"seed {seed}: {proof.findings}"


async def _begin(connection: Connection, player: Player) -> None:
    """The limit and the budget that the organization has from the start."""
    if player.limit:
        await connection.execute(_KIND, (player.organization_id,))
        await connection.execute(_LIMIT, (player.limit, player.organization_id))
    opening = player.open_budget()
    if opening is None:
        return
    channel = Channel(connection)
    books = await lock_books(channel, [player.organization_id], [])
    batch = Batch(books, {}, STARTS_AT, counted={opening.budget.budget_id: []})
    batch.decide(opening)
    batch.write(channel)
    await channel.flush()
    channel.close()


async def _play(
    connection: Connection, player: Player, charges: dict[str, Charge], *, kept: Book | None
) -> Book:
    """One batch in the caller's transaction; the book as it is then."""
    channel = Channel(connection)
    channel.queue("BEGIN")
    player.real_lots = {lot.lot_id: lot for lot in await read_lots(channel, [*player.model.lots])}
    books = {player.organization_id: kept} if kept is not None else {}
    if kept is None:
        books = await lock_books(channel, [player.organization_id], player.open_ids())
    book = books[player.organization_id]
    batch = Batch(books, charges, player.at)
    reversed_before = set(player.reversals)
    for _ in range(player.random.randint(1, BATCH_MAX)):
        player.play(batch, book)
    batch.write(channel)
    await channel.flush()
    channel.close()
    for request_id in set(player.reversals) - reversed_before:
        await reversing._record(connection, player.reversals[request_id], SYSTEM)
    book.turn_page()
    return book
