"""Blocks: the live parts of a page's Markdown, so that HTML, ``.md`` and llms-full.txt say the same.

An answer is kept for a minute: the public pages cost the database next to nothing, however often they
are read.
"""

import time
from collections.abc import Awaitable, Callable

import psycopg

from jeton import clock
from jeton.errors import JetonError
from jeton.insight.figures.availability import DAYS, REQUESTS_MIN, Availability, get_availability
from jeton.money import display_usd
from jeton.site.deps import SiteDeps
from jeton.site.documents.plain import as_text
from jeton.site.live.prices import list_price_changes, render_price_changes

Block = Callable[[], Awaitable[str]]

LIFE_S = 60
HIDDEN = "The operator of this installation does not show availability to everybody."
AWAY = "The database is away, so these numbers cannot be shown at the moment."


class LiveBlocks:
    """Fills in the marks of a page."""

    def __init__(self, deps: SiteDeps) -> None:
        """Ask these deps."""
        self._deps = deps
        self._blocks: dict[str, Block] = {
            "[[health]]": self._render_health,
            "[[availability]]": self._render_availability,
            "[[payment methods]]": self._render_payment_methods,
            "[[trial policy]]": self._render_trial_policy,
            "[[price changes]]": self._render_price_changes,
        }
        self._kept: dict[str, tuple[float, str]] = {}

    def is_live(self, source: str) -> bool:
        """Whether a page has a live part."""
        return any(mark in source for mark in self._blocks)

    async def fill(self, source: str) -> str:
        """The page with its live parts as they are now, or were within the last LIFE_S."""
        for mark in self._blocks:
            if mark in source:
                source = source.replace(mark, await self._find(mark))
        return source

    async def _find(self, mark: str) -> str:
        kept_at_s, text = self._kept.get(mark, (-LIFE_S, ""))
        if time.monotonic() - kept_at_s >= LIFE_S or not text:
            text = await self._blocks[mark]()
            if text != AWAY:
                self._kept[mark] = (time.monotonic(), text)
        return text

    async def _render_health(self) -> str:
        if self._deps.is_well is None:
            return "`GET /healthz` says whether requests can be billed at this moment."
        if await self._deps.is_well():
            return f"**Working.** Requests can be held and billed. As of {clock.now():%Y-%m-%d %H:%M} UTC."
        return f"**Not working.** Requests are not admitted. As of {clock.now():%Y-%m-%d %H:%M} UTC."

    async def _render_availability(self) -> str:
        if "availability" not in self._deps.public_figures or self._deps.pool is None:
            return HIDDEN
        try:
            async with self._deps.pool.connection() as connection:
                return render_availability(await get_availability(connection))
        except (psycopg.OperationalError, JetonError):
            return AWAY

    async def _render_payment_methods(self) -> str:
        methods = self._deps.payment_methods
        at = f"As of {clock.now():%Y-%m-%d %H:%M} UTC"
        if not methods:
            return f"{at}, no way to pay is named on this installation; its operator adds credit by hand."
        return "\n".join((f"{at}, this is taken here:", "", *(f"- {as_text(method)}" for method in methods)))

    async def _render_trial_policy(self) -> str:
        deps, at = self._deps, f"{clock.now():%Y-%m-%d %H:%M} UTC"
        if not deps.trial_amount_nano:
            return f"As of {at}, a new organization gets no trial here."
        begin = "the first request that is charged" if deps.trial_clock == "first_call" else "its beginning"
        models = ", ".join(f"`{model}`" for model in deps.trial_models) or "every model"
        return "\n".join(
            (
                f"The policy here, as of {at}:",
                "",
                "| a new organization gets | valid for | counted from | for |",
                "|---|---|---|---|",
                f"| {display_usd(deps.trial_amount_nano)} | {deps.trial_days} days | {begin} | {models} |",
            )
        )

    async def _render_price_changes(self) -> str:
        return render_price_changes(list_price_changes(self._deps.book), clock.now())


def render_availability(availability: Availability) -> str:
    """The figures as a table in Markdown."""
    until_on = availability.range.until_on
    head = f"{availability.range.from_on} up to {until_on}, as of {availability.as_of:%Y-%m-%d %H:%M} UTC."
    if not availability.models:
        return f"{head} No model had {REQUESTS_MIN} requests in {DAYS} days."
    rows = [
        f"| `{model.model}` | {model.requests:,} | {_percent(model.answered_per_million)} "
        f"| {_duration(model.first_bytes.median_ms)} | {_duration(model.first_bytes.p95_ms)} "
        f"| {_duration(model.median_ms)} | {_duration(model.p95_ms)} |"
        for model in availability.models
    ]
    table = (
        "| model | requests | success | first byte p50 | p95 | whole answer p50 | p95 |",
        "|---|---|---|---|---|---|---|",
        *rows,
    )
    return "\n".join((head, "", *table))


def _percent(per_million: int) -> str:
    return f"{per_million // 10_000}.{per_million % 10_000 // 100:02} %"


def _duration(limit_ms: int | None) -> str:
    if limit_ms is None:
        return "–"
    if limit_ms == 0:
        return "over 600 s"
    whole, rest = divmod(limit_ms, 1000)
    return f"{whole}.{rest:03}".rstrip("0").rstrip(".") + " s" if whole else f"{rest} ms"
