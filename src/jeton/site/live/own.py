"""Own: what a page of the documentation says to a member who is signed in: their limits, credit and keys.

To everybody else it says nothing there, and a page's Markdown never has it.
"""

from collections.abc import Awaitable, Callable, Iterator

import psycopg
from markupsafe import Markup

from jeton import clock
from jeton.charging.limits.terms import GroupLimits, list_in_force
from jeton.db.pool import Connection, Pool
from jeton.identity.credentials import KeyKind
from jeton.identity.keys import Key, KeyFilter, list_keys
from jeton.insight.balance import get_balance
from jeton.insight.limits.peaks import LENGTH, Peaks, find_peaks
from jeton.money import display_usd
from jeton.site.deps import Reader, SiteDeps
from jeton.site.documents import render
from jeton.site.documents.plain import as_text
from jeton.site.documents.tabs import ADMIN_KEY_PLACE, API_KEY_PLACE

Block = Callable[[Connection, Reader], Awaitable[str]]

LIMITS, CREDIT, ACCOUNT = "[[own limits]]", "[[own credit]]", "[[own account]]"
MARKS = (LIMITS, CREDIT, ACCOUNT)
GROUPS_MAX = 30
_KEY_PLACES: dict[str, KeyKind] = {API_KEY_PLACE: "api", ADMIN_KEY_PLACE: "admin"}
_KIND_NAMES = {
    "requests": "requests",
    "input_tokens": "input tokens, without cache reads",
    "output_tokens": "output tokens",
}
_HOURS = LENGTH.total_seconds() // 3600


def leave_out_own(source: str) -> str:
    """A page's Markdown for everybody."""
    for mark in MARKS:
        source = source.replace(f"{mark}\n\n", "")
    return source


class OwnBlocks:
    """Fills in what is a reader's own, in pages that are rendered already."""

    def __init__(self, deps: SiteDeps) -> None:
        """Ask these deps."""
        self._deps = deps
        self._blocks: dict[str, Block] = {
            _in_html(LIMITS): self._render_limits,
            _in_html(CREDIT): self._render_credit,
            _in_html(ACCOUNT): self._render_account,
        }

    def is_own(self, html: str) -> bool:
        """Whether a page says something to who is signed in."""
        return any(place in html for place in (*self._blocks, *_KEY_PLACES))

    async def fill(self, html: str, reader: Reader | None) -> str:
        """The page for this reader; for nobody, and while the database is away, without what is their own."""
        found: dict[str, str] = {}
        if reader is not None and self._deps.pool is not None:
            try:
                found = await self._find(html, reader, self._deps.pool)
            except psycopg.OperationalError:
                found = {}
        for place in (*self._blocks, *_KEY_PLACES):
            html = html.replace(place, found.get(place, ""))
        return html

    async def _find(self, html: str, reader: Reader, pool: Pool) -> dict[str, str]:
        found: dict[str, str] = {}
        async with pool.connection() as connection:
            for place, block in self._blocks.items():
                if place in html:
                    text = await block(connection, reader)
                    found[place] = f'<div class="live">{render("own", text).html}</div>' if text else ""
            if any(place in html for place in _KEY_PLACES):
                keys = await list_keys(connection, reader.organization_id, filter_=KeyFilter(status="active"))
                found |= {
                    place: _describe_key(_choose(keys, reader, kind)) for place, kind in _KEY_PLACES.items()
                }
        return found

    async def _render_limits(self, connection: Connection, reader: Reader) -> str:
        at = clock.now()
        groups = await list_in_force(connection, reader.organization_id, self._deps.limit_terms)
        by_model = {model: group.group for group in groups for model in group.models}
        peaks = await find_peaks(connection, reader.organization_id, by_model, at=at)
        rows = [row for group in groups[:GROUPS_MAX] for row in _list_rows(group, peaks)]
        name = as_text(reader.organization_name)
        if not rows:
            return f"**{name}** has no rate limits. [Rate limits in the Console](/console/limits)"
        head = f"The limits of **{name}**, as of {at:%Y-%m-%d %H:%M} UTC, and the busiest minute of the last"
        return "\n".join(
            (
                f"{head} {_HOURS:.0f} hours. [Every limit, and asking for more](/console/limits)",
                "",
                "| models | limit | a minute | busiest minute | left then |",
                "|---|---|---|---|---|",
                *rows,
            )
        )

    async def _render_credit(self, connection: Connection, reader: Reader) -> str:
        balance = await get_balance(connection, reader.organization_id)
        name, amounts = as_text(reader.organization_name), balance.amounts
        text = f"**{name}** has **{display_usd(amounts.available_nano)}** available"
        if amounts.held_nano:
            text += f", and {display_usd(amounts.held_nano)} held for requests that are on their way"
        lot = balance.next_expiry
        if lot is not None and lot.expires_at is not None:
            expiring = display_usd(lot.amounts.available_nano)
            text += f"; {expiring} of it expires {lot.expires_at:%Y-%m-%d %H:%M} UTC"
        link = (
            "[Every lot](/console/billing)" if reader.may_see_billing else "[Open in the Console](/console)"
        )
        return f"{text}. As of {balance.as_of:%Y-%m-%d %H:%M} UTC. {link}"

    async def _render_account(self, connection: Connection, reader: Reader) -> str:
        if not reader.may_see_billing:
            return ""
        balance = await get_balance(connection, reader.organization_id)
        account = describe_account(reader, balance.credit_limit_nano)
        return f"{account} [Invoices and receipts](/console/invoices)"


def describe_account(reader: Reader, credit_limit_nano: int) -> str:
    """How an organization pays, in a sentence of Markdown."""
    name = as_text(reader.organization_name)
    if credit_limit_nano:
        limit = display_usd(credit_limit_nano)
        return f"**{name}** is an enterprise organization: it is invoiced, up to a credit limit of {limit}."
    return f"**{name}** is a standard organization: it pays in advance, from its credit."


def _in_html(mark: str) -> str:
    return f"<p>{mark}</p>"


def _list_rows(group: GroupLimits, peaks: Peaks) -> Iterator[str]:
    highest = peaks.find_highest(None, group.group)
    for kind, limit in group.limits.by_kind:
        if limit is None:
            continue
        peak = getattr(highest, kind)
        left = max(0, limit - peak)
        yield f"| {group.group} | {_KIND_NAMES[kind]} | {limit:,} | {peak:,} | {left * 100 // limit} % |"


def _choose(keys: list[Key], reader: Reader, kind: KeyKind) -> Key | None:
    """The newest key in force of a kind, rather one that the reader made; admin keys only of their own."""
    ours = [key for key in keys if key.kind == kind]
    made = [key for key in ours if key.created_by == reader.member_id]
    candidates = made if made or kind == "admin" else ours
    return candidates[-1] if candidates else None


def _describe_key(key: Key | None) -> str:
    if key is None:
        return ""
    variable = "JETON_ADMIN_KEY" if key.kind == "admin" else "ANTHROPIC_API_KEY"
    return Markup(
        '<p class="tabs-key small muted">With <code>{}</code>: your key <em>{}</em>, <code>{}</code>.'
        ' <a href="/console/keys/{}">Open in the Console</a></p>'
    ).format(variable, key.name, key.hint, key.key_id)
