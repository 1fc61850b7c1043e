"""Watching: the watch over its parts: how prompts are counted and named, and which counts are mistrusted."""

from jeton.db.pool import Pool
from jeton.tokens.counter.counting import Counter
from jeton.tokens.kinds import find_kind
from jeton.watch.watch import Watch


def make_watch(pool: Pool, counter: Counter) -> Watch:
    """A watch that counts as the rest of this process does."""
    return Watch(pool, counter, demoter=counter.demotion, find_kind=find_kind)
