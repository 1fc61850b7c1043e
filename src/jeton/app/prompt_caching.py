"""Prompt caching: which upstreams go through the account, and the account's part in a process."""

from collections.abc import Callable
from contextlib import AsyncExitStack

from jeton.app.background import run_in_background
from jeton.caching.shared.account import Account, run_sweeper
from jeton.db.pool import Pool
from jeton.settings.upstreams import CacheMode
from jeton.tokens.counter.counting import Counter
from jeton.upstreams.caching.kept import KeptUpstream
from jeton.upstreams.caching.off import UncachedUpstream
from jeton.upstreams.interface import Upstream


class PromptCache:
    """The account of this process; it may be named to upstreams before the database is there."""

    def __init__(self, counter: Counter) -> None:
        """``counter`` counts the tokens up to each breakpoint."""
        self._counter = counter
        self._account = Account()

    def keep(self, upstream: Upstream, mode: CacheMode, find_family: Callable[[str], str]) -> Upstream:
        """The upstream as it is asked from now on; ``find_family`` names the tokenizer family of a model."""
        match mode:
            case "reported":
                return upstream
            case "kept":
                return KeptUpstream(upstream, self._account, counter=self._counter, find_family=find_family)
            case "off":
                return UncachedUpstream(upstream)

    def open(self, pool: Pool, stack: AsyncExitStack) -> None:
        """Keep the account in the database, until the stack is closed."""
        self._account.open(pool)
        stack.push_async_callback(self._account.close)
        run_in_background(stack, "prompt cache", lambda: run_sweeper(pool))


def is_kept(upstream: Upstream) -> bool:
    """Whether Jeton keeps the account for an upstream."""
    return isinstance(upstream, KeptUpstream)
