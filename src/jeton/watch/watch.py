"""The watch: takes note of every exchange that ended, and works it off beside the requests.

Taking note is a few additions, the comparison of the bound with the provider's count, and for some
requests an entry in a bounded queue. Counting prompts again and writes come later, in steps so
short that no request waits for one. What was noted and not written when a process dies is lost: none
of it is money.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec
import psycopg
import structlog

from jeton import clock
from jeton.db.pool import Pool
from jeton.errors import JetonError
from jeton.limits.errors import RateLimitedError
from jeton.tokens.content import Text, list_parts
from jeton.tokens.count import Count, Method
from jeton.tokens.prompt import Prompt
from jeton.watch.accuracy import EVERY_KIND, MEDIA, Key, ObservedMethod, Sums, is_outside
from jeton.watch.alarms import (
    Alarm,
    AlarmCode,
    PendingAlarms,
    count_open_alarms,
    list_open_subjects,
    record_alarms,
)
from jeton.watch.figures import Content, Figures, Refusal
from jeton.watch.minutes import Minute, Minutes, begin_minute, sweep_minutes
from jeton.watch.rollups import add_sums
from jeton.watch.tallies import Tallies
from jeton.watch.words import Ended, Refused

TICK_S = 1.0
FLUSH_INTERVAL_S = 5.0
SWEEP_INTERVAL_S = 3600.0
CLOSE_TIMEOUT_S = 2.0
# Per tick: what counting prompts again may cost (1 % of a core), which is kept by allowing fewer
# samples the longer the latest ones took, and what is in memory for it at most.
SAMPLING_TIME_S = 0.01
SAMPLES_MAX = 50
SAMPLED_BYTES_MAX = 262_144
_LATEST_SHARE = 0.1
_MS = timedelta(milliseconds=1)
# The largest body that is counted again in one step of the event loop. A tokenizer takes ten times
# as long as an estimate.
ESTIMATED_BYTES_MAX = 200_000
TOKENIZED_BYTES_MAX = 16_384

_log = structlog.get_logger(__name__)


class PromptCounter(Protocol):
    """Counts prompts as the rest of this process does."""

    def count_prompt(self, prompt: Prompt, family_id: str) -> Count:
        """The tokens of a prompt, by the best method that is there."""
        ...

    def can_count(self, family_id: str) -> Method:
        """By which method."""
        ...


class Demoter(Protocol):
    """Withdraws a rebuilt tokenizer that disagrees with the provider."""

    def note(self, count: Count, reported: int) -> bool:
        """Note one comparison; whether the count's family is demoted by it, now."""
        ...

    def demote(self, family_id: str) -> None:
        """Demote a family for what another process or an earlier one has seen."""
        ...


class _Entry(msgspec.Struct, frozen=True):
    """A settled request whose prompt is counted again, and the provider's count of it."""

    day_on: date
    model: str
    family: str
    organization_id: UUID
    reported: int
    prompt: Prompt


@dataclass(slots=True)
class _Budget:
    """How many requests, and bytes of them, may still be counted again in this tick."""

    samples: int = SAMPLES_MAX
    sampled_bytes: int = SAMPLED_BYTES_MAX


class Watch:
    """Takes note of what ends; ``run`` does the rest."""

    def __init__(
        self, pool: Pool, counter: PromptCounter, *, demoter: Demoter, find_kind: Callable[[str], str]
    ) -> None:
        """Count prompts with ``counter``, call texts by ``find_kind``, write through ``pool``."""
        self.tallies = Tallies()
        self._pool = pool
        self._counter = counter
        self._demoter = demoter
        self._find_kind = find_kind
        self._queue: deque[_Entry] = deque()
        self._budget = _Budget()
        self._sample_cost_s = SAMPLING_TIME_S / SAMPLES_MAX
        self._bytes_max: dict[str, int] = {}
        self._sums: dict[Key, Sums] = {}
        self._figures = Figures()
        self._minutes = Minutes()
        self._swept_at_s = 0.0
        self._alarms = PendingAlarms()
        self._flushed_at_s = 0.0

    def note_error(self, code: str) -> None:
        """Count an error that was answered here."""
        self.tallies.errors[code] += 1

    def note_first_byte(self, model: str, taken_at: datetime) -> None:
        """Take note of a stream whose first byte leaves now; its hold was taken at ``taken_at``."""
        at = clock.now()
        self._figures.note_first_byte(at.date(), model, waited_ms=(at - taken_at) // _MS)

    def note_refusal(self, refused: Refused) -> None:
        """Count a request that was sent back before anything was held."""
        minute_at = begin_minute(clock.now())
        organization_id, workspace_id, model, error_code = refused
        self._figures.note_refusal(
            Refusal(organization_id, minute_at.replace(minute=0), workspace_id, model, error_code)
        )
        if error_code == RateLimitedError.code:
            self._minutes.note_limited(Minute(organization_id, minute_at, workspace_id, model))

    def note(self, ended: Ended) -> None:
        """Take note of an exchange; a few microseconds, and nothing is awaited."""
        at = clock.now()
        tally = self.tallies.find_model(ended.model)
        duration_s = (at - ended.taken_at).total_seconds()
        tally.add(ended.rule, ended.net_nano, duration_s=duration_s)
        self._figures.note_ending(at.date(), ended.model, ended.rule, duration_s=duration_s)
        usage = ended.usage
        minute_at = begin_minute(ended.taken_at)
        self._minutes.note(Minute(ended.organization_id, minute_at, ended.workspace_id, ended.model), usage)
        if usage is None:
            return
        tally.add_usage(usage)
        reported = usage.prompt_tokens
        # After each search the model reads the whole prompt again, and the hold was sized so.
        bound = ended.prompt_tokens_max * (1 + usage.web_search_requests)
        tally.bound_checks += 1
        if reported > bound or ended.net_nano > ended.held_nano:
            tally.bounds_exceeded += 1
            self._raise_exceeded(ended, reported, bound)
        if reported == 0:
            return
        day_on = at.date()
        sums = self._find_sums(Key(day_on, ended.model, EVERY_KIND, "bounded"))
        sums.add(bound, reported, is_outside=reported > bound)
        if self._takes_sample(ended):
            entry = _Entry(day_on, ended.model, ended.family, ended.organization_id, reported, ended.prompt)
            self._queue.append(entry)

    def _takes_sample(self, ended: Ended) -> bool:
        """Whether the prompt is counted again; if not, it says why."""
        budget, body_bytes = self._budget, ended.body_bytes
        reason = ""
        if ended.is_rehearsal:
            # Counted by the built-in model's tokenizer, whatever the model is called.
            reason = "rehearsal"
        elif ended.usage is not None and ended.usage.web_search_requests:
            reason = "web_search"
        elif body_bytes > self._bytes_max.get(ended.family, TOKENIZED_BYTES_MAX):
            reason = "too_long"
        elif budget.samples <= 0 or body_bytes > budget.sampled_bytes:
            reason = "sampling"
        if reason:
            self.tallies.dropped[reason] += 1
            return False
        budget.samples -= 1
        budget.sampled_bytes -= body_bytes
        return True

    def _raise_exceeded(self, ended: Ended, reported: int, bound: int) -> None:
        details: dict[str, str | int] = {
            "request_id": ended.request_id,
            "family": ended.family,
            "bound_tokens": bound,
            "reported_tokens": reported,
            "held_nano": ended.held_nano,
            "net_nano": ended.net_nano,
        }
        self._raise(AlarmCode.BOUND_EXCEEDED, ended.model, details)

    def _raise(self, code: AlarmCode, subject: str, details: dict[str, str | int]) -> None:
        at = clock.now()
        self.tallies.alarms_raised[code] += 1
        if self._alarms.add(Alarm(code, subject, details, at, at)):
            _log.error("alarm", code=code.value, subject=subject, **details)

    async def run(self) -> None:
        """Work off what was noted, until cancelled."""
        is_caught_up = False
        while True:
            if not is_caught_up:
                is_caught_up = await self._recall_demotions()
            await asyncio.sleep(TICK_S)
            await self.work_off()
            is_due = time.monotonic() - self._flushed_at_s >= FLUSH_INTERVAL_S
            if is_due or len(self._alarms):
                await self._try_flush()

    async def close(self) -> None:
        """Write what is left; call it when nothing is noted any more and ``run`` has ended."""
        await self.work_off()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._try_flush(is_last=True)

    async def work_off(self) -> None:
        """Count again what waits in the queue, then allow new samples."""
        while self._queue:
            entry = self._queue.popleft()
            if entry.family not in self._bytes_max:
                # May read a calibration, which takes a tenth of a second.
                method = await asyncio.to_thread(self._counter.can_count, entry.family)
                is_tokenized = method in {"exact", "reconstructed"}
                self._bytes_max[entry.family] = TOKENIZED_BYTES_MAX if is_tokenized else ESTIMATED_BYTES_MAX
            started_s = time.thread_time()
            self._observe(entry)
            cost_s = time.thread_time() - started_s
            self._sample_cost_s += (cost_s - self._sample_cost_s) * _LATEST_SHARE
            await asyncio.sleep(0)
        affordable = int(SAMPLING_TIME_S / max(self._sample_cost_s, SAMPLING_TIME_S / SAMPLES_MAX))
        self._budget = _Budget(samples=max(1, affordable))

    def _find_sums(self, key: Key) -> Sums:
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = Sums()
        return sums

    def _observe(self, entry: _Entry) -> None:
        try:
            count = self._counter.count_prompt(entry.prompt, entry.family)
            kind, characters = self._describe(entry.prompt)
        except (JetonError, msgspec.MsgspecError, ValueError, RecursionError):
            # The provider took a prompt that we cannot read: it was billed, and it is no count of ours.
            self.tallies.dropped["unreadable"] += 1
            return
        if count.method in {"bounded", "upstream"}:
            self.tallies.dropped["not_counted"] += 1
            return
        method: ObservedMethod = count.method  # type: ignore[assignment]  # what is left is observed
        if kind != MEDIA:
            content = Content(entry.day_on, entry.organization_id, entry.family, kind)
            self._figures.note_content(content, characters=characters, tokens=entry.reported)
        outside = is_outside(count, entry.reported)
        sums = self._find_sums(Key(entry.day_on, entry.model, kind, method))
        sums.add(count.value, entry.reported, is_outside=outside)
        series = self.tallies.find_series(entry.model, kind=kind, method=method)
        series.add(count.value, entry.reported, is_outside=outside)
        # The frame of several turns is a span, and makes an estimate of the best count of their texts.
        is_rebuilt = self._counter.can_count(entry.family) == "reconstructed"
        if is_rebuilt and self._demoter.note(count, entry.reported):
            self._note_demotion(entry, count.value)

    def _note_demotion(self, entry: _Entry, counted: int) -> None:
        self.tallies.demoted.add(entry.family)
        self._bytes_max.pop(entry.family, None)
        details: dict[str, str | int] = {
            "model": entry.model,
            "counted_tokens": counted,
            "reported_tokens": entry.reported,
        }
        self._raise(AlarmCode.TOKENIZER_DEMOTED, entry.family, details)

    def _describe(self, prompt: Prompt) -> tuple[str, int]:
        """The kind of the longest text, or that there is more than text; and the characters of all."""
        contents = [message.content for message in prompt.messages]
        if prompt.system is not None:
            contents.append(prompt.system)
        longest, characters = "", 0
        for content in contents:
            for part in list_parts(content):
                if not isinstance(part, Text):
                    return MEDIA, 0
                characters += len(part.text)
                if len(part.text) > len(longest):
                    longest = part.text
        return self._find_kind(longest), characters

    async def _recall_demotions(self) -> bool:
        """Demote what was demoted before and nobody has acknowledged; False if it is not known yet."""
        try:
            async with self._pool.connection() as connection:
                families = await list_open_subjects(connection, AlarmCode.TOKENIZER_DEMOTED)
        except psycopg.Error:
            return False
        for family in families:
            self._demoter.demote(family)
            self.tallies.demoted.add(family)
        self._bytes_max.clear()
        return True

    async def _try_flush(self, *, is_last: bool = False) -> None:
        try:
            await self.flush(is_last=is_last)
        except psycopg.Error as error:
            _log.warning("watch_not_written", problem=str(error), alarms=len(self._alarms))

    async def flush(self, *, is_last: bool = False) -> None:
        """Write sums and alarms; what could not be written stays for the next time. psycopg.Error.

        Of minutes those that are over, or with ``is_last`` all of them.
        """
        at, now_s = clock.now(), time.monotonic()
        minutes = self._minutes.take(None if is_last else begin_minute(at))
        sums, self._sums = self._sums, {}
        alarms = self._alarms.take()
        figures = self._figures.take()
        try:
            async with self._pool.connection() as connection:
                await add_sums(connection, sums)
                await figures.write(connection)
                await minutes.write(connection)
                await record_alarms(connection, alarms)
                self.tallies.alarms_open = await count_open_alarms(connection)
        except BaseException:
            for key, added in sums.items():
                self._find_sums(key).merge(added)
            self._figures.merge(figures)
            self._minutes.merge(minutes)
            for alarm in alarms:
                self._alarms.add(alarm)
            raise
        self._flushed_at_s = time.monotonic()
        if now_s - self._swept_at_s >= SWEEP_INTERVAL_S:
            self._swept_at_s = now_s
            async with self._pool.connection() as connection:
                await sweep_minutes(connection, at)
