"""Requests: the list of charges, newest first, page by page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.money import render_usd

PAGE_ROWS = 50
PAGE_ROWS_MAX = 1000
# A filter looks through this many charges for one page and then offers to go on, so that a
# filter that matches nothing does not read the whole history.
SCANNED_MAX = 20_000

_READ = """
    WITH scanned AS (
        SELECT * FROM charges
        WHERE organization_id = %(organization_id)s
          AND (%(before_id)s::text IS NULL OR request_id < %(before_id)s)
        ORDER BY request_id DESC LIMIT %(scanned_max)s
    ), matching AS (
        SELECT * FROM scanned
        WHERE (%(model)s::text IS NULL OR model = %(model)s)
          AND (%(state)s::text IS NULL OR state = %(state)s)
          AND (%(key_id)s::text IS NULL OR key_id = %(key_id)s)
          AND (%(workspace_id)s::text IS NULL OR workspace_id = %(workspace_id)s)
        ORDER BY request_id DESC LIMIT %(limit)s
    )
    SELECT m.request_id, m.workspace_id, m.key_id, k.name, m.model, m.upstream, m.state, m.rule_id,
           m.is_rehearsal, m.list_nano, m.net_nano, m.held_at, m.ended_at,
           u.input_tokens, u.cache_creation_5m_input_tokens + u.cache_creation_1h_input_tokens,
           u.cache_read_input_tokens, u.output_tokens, coalesce(r.amount_nano, 0),
           s.scanned_count, s.scanned_id
    FROM (SELECT count(*) AS scanned_count, min(request_id) AS scanned_id FROM scanned) AS s
    LEFT JOIN matching AS m ON true
    LEFT JOIN usage_events AS u ON u.request_id = m.request_id
    LEFT JOIN reversals AS r ON r.request_id = m.request_id
    LEFT JOIN api_keys AS k ON k.key_id = m.key_id
    ORDER BY m.request_id DESC
"""


@dataclass(frozen=True, slots=True)
class ChargeFilter:
    """Which charges to list; None means every one."""

    model: str | None = None
    state: str | None = None
    key_id: str | None = None
    workspace_id: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it lets everything through."""
        return not (self.model or self.state or self.key_id or self.workspace_id)


@dataclass(frozen=True, slots=True)
class ListedCharge:
    """One request whose hold has ended; token counts are None where the usage is unknown."""

    request_id: str
    workspace_id: str
    key_id: str
    key_name: str | None
    model: str
    upstream: str
    state: str
    rule_id: str
    is_rehearsal: bool
    list_nano: int
    net_nano: int
    held_at: datetime
    ended_at: datetime
    input_tokens: int | None
    cache_creation_input_tokens: int | None
    cache_read_input_tokens: int | None
    output_tokens: int | None
    reversed_nano: int = 0


@dataclass(frozen=True, slots=True)
class ChargePage:
    """A page of charges; ``next_id`` asks for the next page, None when there is none."""

    as_of: datetime
    charges: tuple[ListedCharge, ...]
    next_id: str | None


async def list_charges(
    connection: Connection,
    organization_id: UUID,
    *,
    filter_: ChargeFilter | None = None,
    before_id: str | None = None,
    limit: int = PAGE_ROWS,
) -> ChargePage:
    """Charges older than ``before_id``, newest first; at most PAGE_ROWS_MAX."""
    wanted = filter_ or ChargeFilter()
    rows_max = max(1, min(limit, PAGE_ROWS_MAX))
    scanned_max = rows_max + 1 if wanted.is_empty else SCANNED_MAX
    cursor = await connection.execute(
        _READ,
        {
            "organization_id": organization_id,
            "before_id": before_id or None,
            "model": wanted.model or None,
            "state": wanted.state or None,
            "key_id": wanted.key_id or None,
            "workspace_id": wanted.workspace_id or None,
            "scanned_max": scanned_max,
            "limit": rows_max + 1,
        },
    )
    rows = await cursor.fetchall()
    charges = tuple(_parse_charge(row) for row in rows if row[0] is not None)
    if len(charges) > rows_max:
        return ChargePage(clock.now(), charges[:rows_max], charges[rows_max - 1].request_id)
    scanned_count, scanned_id = rows[0][-2:]
    is_cut_off = not wanted.is_empty and scanned_count == scanned_max
    return ChargePage(clock.now(), charges, scanned_id if is_cut_off else None)


def _parse_charge(row: tuple[Any, ...]) -> ListedCharge:
    return ListedCharge(*row[:-2])


def render_charges(page: ChargePage) -> dict[str, object]:
    """The page as the API, the Console's twin and the command line give it."""
    return {
        "type": "charge_page",
        "currency": "USD",
        "as_of": page.as_of.isoformat(),
        "data": [_render_charge(charge) for charge in page.charges],
        "has_more": page.next_id is not None,
        "next_id": page.next_id,
    }


def _render_charge(charge: ListedCharge) -> dict[str, object]:
    return {
        "request_id": charge.request_id,
        "type": "charge",
        "workspace_id": charge.workspace_id,
        "api_key_id": charge.key_id,
        "model": charge.model,
        "upstream": charge.upstream,
        "state": charge.state,
        "rule": charge.rule_id,
        "is_rehearsal": charge.is_rehearsal,
        "usage": {
            "input_tokens": charge.input_tokens,
            "cache_creation_input_tokens": charge.cache_creation_input_tokens,
            "cache_read_input_tokens": charge.cache_read_input_tokens,
            "output_tokens": charge.output_tokens,
        },
        "list_amount": render_usd(charge.list_nano),
        "net_amount": render_usd(charge.net_nano),
        "reversed_amount": render_usd(charge.reversed_nano),
        "held_at": charge.held_at.isoformat(),
        "ended_at": charge.ended_at.isoformat(),
    }
