"""Keys as people look at them: whose, where, used when, and for how much; newest first, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from psycopg.rows import DictRow, dict_row

from jeton.db.pool import Connection
from jeton.identity.keys import Key
from jeton.insight.access.spending import MonthSpending, Spending, read_month
from jeton.insight.budgets.standing import BudgetStanding, list_budgets
from jeton.money import render_usd

PAGE_KEYS = 50
UNUSED_AFTER = timedelta(days=60)

KeyState = Literal["active", "paused", "expired", "revoked"]

# As people say them; the Admin API's words are the Claude API's.
STATES: tuple[KeyState, ...] = ("active", "paused", "expired", "revoked")

_READ = """
    SELECT * FROM (
        SELECT k.*, o.member_id, u.last_used_at, u.model AS last_model, u.address AS last_address,
               m.email AS owner, w.name AS workspace_name, w.archived_at,
               CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked' WHEN k.expires_at <= %(at)s THEN 'expired'
                    WHEN k.paused_at IS NOT NULL THEN 'paused' ELSE 'active' END AS state
        FROM api_keys AS k LEFT JOIN key_uses AS u USING (key_id)
        LEFT JOIN member_keys AS o ON o.key_id = k.key_id AND o.owned_until IS NULL
        LEFT JOIN members AS m ON m.organization_id = k.organization_id
            AND m.member_id = CASE k.kind WHEN 'api' THEN o.member_id ELSE k.created_by END
        LEFT JOIN workspaces AS w ON w.workspace_id = k.workspace_id
        WHERE k.organization_id = %(organization_id)s
          AND (%(before_id)s::text IS NULL OR k.key_id < %(before_id)s)
          AND (%(key_id)s::text IS NULL OR k.key_id = %(key_id)s)
          AND (%(workspace_id)s::text IS NULL OR k.workspace_id = %(workspace_id)s)
    ) AS keys
    WHERE (%(state)s::text IS NULL OR state = %(state)s)
      AND (%(unused_since)s::timestamptz IS NULL
           OR state = 'active' AND coalesce(last_used_at, created_at) < %(unused_since)s)
    ORDER BY key_id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class KeyQuery:
    """Which keys to show; None means every one. ``is_unused``: not used for UNUSED_AFTER."""

    state: KeyState | None = None
    workspace_id: str | None = None
    is_unused: bool = False
    before_id: str | None = None


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """A key as it stands; ``owner`` is "" for one that is no present member's.

    ``budget_left_nano`` is the least that is left of the budgets of this very key, None without one.
    ``last_model`` and ``last_address``: of its last request to a model, "" where that is not known.
    """

    key: Key
    state: KeyState
    owner: str
    workspace_name: str
    is_archived: bool
    last_used_at: datetime | None
    month: Spending
    budget_left_nano: int | None
    last_model: str = ""
    last_address: str = ""

    @property
    def is_usable(self) -> bool:
        """Whether it is in force, or may be again."""
        return self.state in {"active", "paused"}


@dataclass(frozen=True, slots=True)
class KeyPage:
    """A page of keys; ``next_id`` asks for the next one, None when there is none."""

    as_of: datetime
    keys: tuple[KeyStanding, ...]
    next_id: str | None


async def list_key_standings(
    connection: Connection, organization_id: UUID, query: KeyQuery, *, at: datetime
) -> KeyPage:
    """PAGE_KEYS keys at most, newest first."""
    rows = await _read(connection, organization_id, query, key_id=None, at=at)
    month = await read_month(connection, organization_id, at=at)
    budgets = await list_budgets(connection, organization_id, at=at)
    shown = rows[:PAGE_KEYS]
    next_id = shown[-1]["key_id"] if len(rows) > PAGE_KEYS else None
    return KeyPage(at, tuple(_parse(row, month, budgets) for row in shown), next_id)


async def find_key_standing(
    connection: Connection, organization_id: UUID, key_id: str, *, at: datetime
) -> KeyStanding | None:
    """One key as it stands, None if the organization has none of this id."""
    rows = await _read(connection, organization_id, KeyQuery(), key_id=key_id, at=at)
    month = await read_month(connection, organization_id, at=at)
    budgets = await list_budgets(connection, organization_id, at=at)
    return _parse(rows[0], month, budgets) if rows else None


def render_key_standing(standing: KeyStanding) -> dict[str, object]:
    """A key as the Console's twin gives it."""
    key = standing.key
    left = standing.budget_left_nano
    return {
        "id": key.key_id,
        "type": "api_key",
        "kind": key.kind,
        "name": key.name,
        "status": standing.state,
        "partial_key_hint": key.hint,
        "owner": standing.owner or None,
        "workspace_id": key.workspace_id,
        "workspace_name": standing.workspace_name or None,
        "created_at": key.created_at.isoformat(),
        "expires_at": _render_time(key.expires_at),
        "last_used_at": _render_time(standing.last_used_at),
        "last_model": standing.last_model or None,
        "last_address": standing.last_address or None,
        "models": None if key.models is None else list(key.models),
        "networks": None if key.networks is None else list(key.networks),
        "rotated_at": _render_time(key.rotated_at),
        "previous_until": _render_time(key.previous_until),
        "paused_at": _render_time(key.paused_at),
        "revoked_at": _render_time(key.revoked_at),
        "month_requests": standing.month.requests,
        "month_net_amount": render_usd(standing.month.net_nano),
        "budget_left": None if left is None else render_usd(left),
    }


async def _read(
    connection: Connection, organization_id: UUID, query: KeyQuery, *, key_id: str | None, at: datetime
) -> list[DictRow]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            _READ,
            {
                "organization_id": organization_id,
                "key_id": key_id,
                "before_id": query.before_id,
                "workspace_id": query.workspace_id,
                "state": query.state,
                "unused_since": at - UNUSED_AFTER if query.is_unused else None,
                "at": at,
                "limit": PAGE_KEYS + 1,
            },
        )
        return await cursor.fetchall()


def _parse(row: DictRow, month: MonthSpending, budgets: Sequence[BudgetStanding]) -> KeyStanding:
    key = Key(**{entry.name: row[entry.name] for entry in fields(Key)})
    own = [one.left_nano for one in budgets if one.scope == "key" and one.scope_id == key.key_id]
    return KeyStanding(
        key=key,
        state=row["state"],
        owner=row["owner"] or "",
        workspace_name=row["workspace_name"] or "",
        is_archived=row["archived_at"] is not None,
        last_used_at=row["last_used_at"],
        month=month.by_key.get(key.key_id, Spending()),
        budget_left_nano=min(own, default=None),
        last_model=row["last_model"] or "",
        last_address=row["last_address"] or "",
    )


def _render_time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
