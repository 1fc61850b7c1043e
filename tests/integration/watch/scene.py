"""What surrounds a watch: exchanges that ended, and a counter that counts as it is told."""

import asyncio
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from jeton import clock
from jeton.db.pool import Pool
from jeton.metering.contract import Rule
from jeton.tokens.count import Count, Method
from jeton.tokens.prompt import Message, Prompt
from jeton.usage import Usage
from jeton.watch.watch import Watch
from jeton.watch.words import Ended

MODEL = "claude-sonnet-5-5"
FAMILY = "claude-4.7"


@dataclass
class Counter:
    """Counts every prompt as ``value``, or raises."""

    value: int = 100
    spread: int = 10
    method: Method = "estimated"
    error: Exception | None = None
    cost_s: float = 0.0

    def count_prompt(self, prompt: Prompt, family_id: str) -> Count:
        """The value, with an interval of ``spread`` on both sides."""
        del prompt
        until_s = time.thread_time() + self.cost_s
        while time.thread_time() < until_s:
            continue
        if self.error is not None:
            raise self.error
        value, spread = self.value, self.spread
        return Count(value, value - spread, value + spread, self.method, family_id, "")

    def can_count(self, family_id: str) -> Method:
        """The method."""
        del family_id
        return self.method


@dataclass
class Demoter:
    """Demotes a family at its second mismatch."""

    mismatches: int = 0
    demoted: set[str] = field(default_factory=set)
    recalled: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, count: Count, reported: int) -> bool:
        """Count a mismatch."""
        self.mismatches += count.value != reported
        if self.mismatches < 2 or count.family in self.demoted:
            return False
        self.demoted.add(count.family)
        return True

    def demote(self, family_id: str) -> None:
        """Demote at once."""
        self.demoted.add(family_id)
        self.recalled.set()


def make_watch(pool: Pool, counter: Counter | None = None, demoter: Demoter | None = None) -> Watch:
    return Watch(
        pool,
        counter or Counter(),
        demoter=demoter or Demoter(),
        find_kind=lambda text: "json" if text.startswith("{") else "english",
    )


PROMPT = Prompt(MODEL, [Message("user", "What is a jeton?")])
ENDED = Ended(
    request_id="req_1",
    model=MODEL,
    family=FAMILY,
    rule=Rule.COMPLETED,
    held_nano=1_000,
    net_nano=900,
    usage=Usage(input_tokens=20, cache_read_input_tokens=80, output_tokens=5),
    prompt_tokens_max=500,
    prompt=PROMPT,
    body_bytes=200,
    taken_at=clock.now() - timedelta(seconds=2),
    organization_id=UUID(int=1),
    workspace_id="wrkspc_a",
)


def ended(**changes: Any) -> Ended:  # noqa: ANN401 - the fields of Ended
    """A request of 100 prompt tokens, bounded by 500, with these changes."""
    return msgspec.structs.replace(ENDED, **changes)


def of_tokens(prompt_tokens: int, **changes: Any) -> Ended:  # noqa: ANN401 - the fields of Ended
    """A request for whose prompt the provider reports so many tokens."""
    return ended(usage=Usage(input_tokens=prompt_tokens, output_tokens=5), **changes)


def of_searches(searches: int) -> Ended:
    """A request in which the model searched the web and read its prompt again."""
    assert ENDED.usage is not None
    return ended(usage=replace(ENDED.usage, input_tokens=800, web_search_requests=searches))
