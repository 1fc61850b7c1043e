"""Figures: how requests ended, or why they were refused, how long they took, and how long their texts were.

What the public pages may show of them is the operator's choice; the sums are kept in any case. Not
money: what a node that died had not written is missing.
"""

from bisect import bisect_left
from collections import Counter
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from jeton.db.pool import Connection
from jeton.metering.contract import Rule
from jeton.watch.tallies import DURATION_LIMITS_S

# The limits of the steps in milliseconds; 0 stands for what took longer than every limit.
DURATION_LIMITS_MS = (*(round(limit_s * 1000) for limit_s in DURATION_LIMITS_S), 0)
# First bytes come sooner and are told finer: 10 ms to a minute, each step about a third longer at most.
FIRST_BYTE_LIMITS_MS = (
    *(10, 20, 30, 50, 75, 100, 150, 200, 250, 300, 400, 500, 600, 800, 1_000, 1_250, 1_500, 2_000, 2_500),
    *(3_000, 4_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 60_000),
)
# Between two writings; organizations times models times reasons.
REFUSALS_MAX = 20_000

_ADD_ENDINGS = """
    INSERT INTO ending_rollups AS r (day_on, model, rule_id, duration_limit_ms, requests)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (day_on, model, rule_id, duration_limit_ms) DO UPDATE
        SET requests = r.requests + excluded.requests
"""
_ADD_FIRST_BYTES = """
    INSERT INTO first_byte_rollups AS r (day_on, model, first_byte_limit_ms, streams)
    VALUES (%s, %s, %s, %s)
    ON CONFLICT (day_on, model, first_byte_limit_ms) DO UPDATE SET streams = r.streams + excluded.streams
"""
_ADD_CONTENTS = """
    INSERT INTO content_rollups AS r (day_on, organization_id, family, kind, observations, characters, tokens)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (day_on, organization_id, family, kind) DO UPDATE SET
        observations = r.observations + excluded.observations,
        characters = r.characters + excluded.characters,
        tokens = r.tokens + excluded.tokens
"""
_ADD_REFUSALS = """
    INSERT INTO refusal_rollups AS r (organization_id, hour_at, workspace_id, model, error_code, requests)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (organization_id, hour_at, workspace_id, model, error_code) DO UPDATE
        SET requests = r.requests + excluded.requests
"""


class Refusal(NamedTuple):
    """What requests are counted by that were sent back before anything was held; the hour is UTC's."""

    organization_id: UUID
    hour_at: datetime
    workspace_id: str
    model: str
    error_code: str


class Ending(NamedTuple):
    """What requests are counted by; the day is the UTC day on which the request ended."""

    day_on: date
    model: str
    rule_id: str
    duration_limit_ms: int


class FirstByte(NamedTuple):
    """What streams are counted by; the day is the UTC day on which their first byte left."""

    day_on: date
    model: str
    first_byte_limit_ms: int


class Content(NamedTuple):
    """What characters and tokens are summed by."""

    day_on: date
    organization_id: UUID
    family: str
    kind: str


class Figures:
    """What was counted and is not written yet."""

    def __init__(self) -> None:
        """Nothing was counted."""
        self.endings: Counter[Ending] = Counter()
        self.first_bytes: Counter[FirstByte] = Counter()
        self.refusals: Counter[Refusal] = Counter()
        self.contents: dict[Content, tuple[int, int, int]] = {}

    def note_ending(self, day_on: date, model: str, rule: Rule, *, duration_s: float) -> None:
        """Count a request whose hold has ended."""
        limit_ms = DURATION_LIMITS_MS[bisect_left(DURATION_LIMITS_S, duration_s)]
        self.endings[Ending(day_on, model, rule.value, limit_ms)] += 1

    def note_first_byte(self, day_on: date, model: str, *, waited_ms: int) -> None:
        """Count a stream whose first byte left."""
        step = bisect_left(FIRST_BYTE_LIMITS_MS, waited_ms)
        limit_ms = FIRST_BYTE_LIMITS_MS[step] if step < len(FIRST_BYTE_LIMITS_MS) else 0
        self.first_bytes[FirstByte(day_on, model, limit_ms)] += 1

    def note_refusal(self, refusal: Refusal) -> None:
        """Count a request that was sent back; past REFUSALS_MAX different ones, only those known."""
        if len(self.refusals) < REFUSALS_MAX or refusal in self.refusals:
            self.refusals[refusal] += 1

    def note_content(self, content: Content, *, characters: int, tokens: int) -> None:
        """Add a prompt's characters, and the tokens that the upstream reported for it."""
        self._add(content, (1, characters, tokens))

    def take(self) -> "Figures":
        """What was counted; from now on counting begins anew."""
        taken = Figures()
        taken.endings, self.endings = self.endings, taken.endings
        taken.first_bytes, self.first_bytes = self.first_bytes, taken.first_bytes
        taken.refusals, self.refusals = self.refusals, taken.refusals
        taken.contents, self.contents = self.contents, taken.contents
        return taken

    def merge(self, other: "Figures") -> None:
        """Add what could not be written."""
        self.endings.update(other.endings)
        self.first_bytes.update(other.first_bytes)
        self.refusals.update(other.refusals)
        for content, sums in other.contents.items():
            self._add(content, sums)

    async def write(self, connection: Connection) -> None:
        """Add to the rows, in one order on every node, so that no two wait for each other."""
        endings = sorted((*ending, requests) for ending, requests in self.endings.items())
        first_bytes = sorted((*first, streams) for first, streams in self.first_bytes.items())
        refusals = sorted((*refusal, requests) for refusal, requests in self.refusals.items())
        contents = sorted((*content, *sums) for content, sums in self.contents.items())
        async with connection.cursor() as cursor:
            if endings:
                await cursor.executemany(_ADD_ENDINGS, endings)
            if first_bytes:
                await cursor.executemany(_ADD_FIRST_BYTES, first_bytes)
            if refusals:
                await cursor.executemany(_ADD_REFUSALS, refusals)
            if contents:
                await cursor.executemany(_ADD_CONTENTS, contents)

    def _add(self, content: Content, sums: tuple[int, int, int]) -> None:
        before = self.contents.get(content, (0, 0, 0))
        self.contents[content] = (before[0] + sums[0], before[1] + sums[1], before[2] + sums[2])
