"""Conservation: random lives of organizations, compared with the model after each operation.

    python -m tests.chaos.conservation --rounds 10000 --operations 2000 --processes 2

Pure: the deciding runs on books in memory, as it does behind the database's lock.
"""

import multiprocessing
import time
from typing import TYPE_CHECKING
from uuid import UUID

from tests.chaos.lives.playing import Player
from tests.chaos.lives.world import STARTS_AT, World, open_world
from tests.chaos.reporting import complain, make_parser, report, show_progress

from jeton.charging.deciding import Batch
from jeton.ledger.book import Book
from jeton.ledger.chart import Account

if TYPE_CHECKING:
    from jeton.charging.words import Charge

BATCH_MAX = 6
COMPARE_ALL_EVERY = 100
_ORGANIZATION = UUID(int=1)


def play(seed: int, operations: int, world: World) -> int:
    """One life; AssertionError with the seed at the first difference. Returns how many operations."""
    player = Player(seed, world, _ORGANIZATION, has_batches=True)
    book = Book(_ORGANIZATION, dict.fromkeys(Account, 0), [])
    book.credit_limit_nano = player.limit
    opening = player.open_budget()
    if opening is not None:
        batch = Batch({_ORGANIZATION: book}, {}, STARTS_AT, counted={opening.budget.budget_id: []})
        batch.decide(opening)
        book.turn_page()
    compared = 0
    charges: dict[str, Charge] = {}
    while player.operations < operations:
        player.pass_time()
        batch = Batch({_ORGANIZATION: book}, charges, player.at, marks=player.marks)
        for _ in range(player.random.randint(1, BATCH_MAX)):
            player.play(batch, book)
        book.turn_page()
        if player.operations >= compared + COMPARE_ALL_EVERY:
            compared = player.operations
            player.compare_all(book)
    player.compare_all(book)
    return player.operations


_world: list[World] = []


def _play_one(job: tuple[int, int]) -> tuple[int, str]:
    if not _world:
        _world.append(open_world())
    seed, operations = job
    try:
        return play(seed, operations, _world[0]), ""
    except AssertionError as difference:
        return 0, str(difference) or f"seed {seed}"


def main() -> None:
    """Play and print what was found; 1 as exit code if there was anything."""
    parser = make_parser(__doc__ or "", rounds=10_000)
    parser.add_argument("--operations", type=int, default=2_000)
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    started = time.monotonic()
    jobs = [(seed, chosen.operations) for seed in range(chosen.seed, chosen.seed + chosen.rounds)]
    operations, differences = 0, 0
    with multiprocessing.Pool(chosen.processes) as pool:
        for done, (count, difference) in enumerate(
            pool.imap_unordered(_play_one, jobs, chunksize=4), start=1
        ):
            operations += count
            if difference:
                differences += 1
                complain(difference)
            show_progress(f"{done:,} of {len(jobs):,} seeds, {differences} differ")
    figures = {
        "seeds": f"{chosen.seed} to {chosen.seed + chosen.rounds - 1}",
        "operations": operations,
        "violations": differences,
        "seconds": round(time.monotonic() - started),
    }
    report(figures, is_json=chosen.json)
    raise SystemExit(1 if differences else 0)


if __name__ == "__main__":
    main()
