"""Keeping: the rows of limits that somebody set, each change with its audit in one transaction."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.identity.organizations import get_organization, get_workspace
from jeton.limits.errors import InvalidLimitError
from jeton.limits.limiter import Overrides
from jeton.limits.words import EVERY_GROUP, LIMIT_MAX, Limits

GROUP_CHARS_MAX = 200
# Of one organization, its workspaces included.
ROWS_MAX = 1_000

_COLUMNS = "workspace_id, model_group, requests, input_tokens, output_tokens, changed_at, changed_by"
_LIST = f"SELECT {_COLUMNS} FROM rate_limits WHERE organization_id = %s ORDER BY workspace_id, model_group"  # noqa: S608 - the columns are constants
_LIST_ALL = f"SELECT organization_id, {_COLUMNS} FROM rate_limits"  # noqa: S608 - the columns are constants
_COUNT = "SELECT count(*) FROM rate_limits WHERE organization_id = %s"
_LOCK = "SELECT 1 FROM organizations WHERE organization_id = %s FOR UPDATE"
_SET = """
    INSERT INTO rate_limits (organization_id, workspace_id, model_group, requests, input_tokens,
        output_tokens, changed_at, changed_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (organization_id, coalesce(workspace_id, ''), model_group) DO UPDATE SET
        requests = excluded.requests, input_tokens = excluded.input_tokens,
        output_tokens = excluded.output_tokens, changed_at = excluded.changed_at,
        changed_by = excluded.changed_by
"""
_CLEAR = """
    DELETE FROM rate_limits
    WHERE organization_id = %s AND workspace_id IS NOT DISTINCT FROM %s AND model_group = %s
    RETURNING requests, input_tokens, output_tokens
"""


@dataclass(frozen=True, slots=True)
class KeptLimits:
    """Limits that somebody set; without ``workspace_id`` those of the organization itself."""

    workspace_id: str | None
    group: str
    limits: Limits
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class Place:
    """What limits are set for: an organization or one of its workspaces, and a group or ``*``."""

    organization_id: UUID
    workspace_id: str | None
    group: str


async def set_limits(connection: Connection, place: Place, limits: Limits, *, by: Actor) -> None:
    """Put limits in place of those before; every node knows within moments.

    Raises InvalidLimitError, and NotFoundError for an unknown organization or workspace.
    """
    _check(place, limits)
    async with connection.transaction():
        await get_organization(connection, place.organization_id)
        if place.workspace_id is not None:
            await get_workspace(connection, place.organization_id, place.workspace_id)
        await connection.execute(_LOCK, (place.organization_id,))
        await connection.execute(
            _SET,
            (
                place.organization_id,
                place.workspace_id,
                place.group,
                *(limit for _, limit in limits.by_kind),
                clock.now(),
                by.name,
            ),
        )
        row = await (await connection.execute(_COUNT, (place.organization_id,))).fetchone()
        if row is not None and row[0] > ROWS_MAX:
            raise InvalidLimitError(f"An organization has at most {ROWS_MAX} entries of rate limits.")
        await _audit(connection, place, "rate_limits.set", limits=limits, by=by)


async def clear_limits(connection: Connection, place: Place, *, by: Actor) -> bool:
    """Take limits away, so that those behind them are in force; whether there were any."""
    async with connection.transaction():
        parameters = (place.organization_id, place.workspace_id, place.group)
        row = await (await connection.execute(_CLEAR, parameters)).fetchone()
        if row is not None:
            await _audit(connection, place, "rate_limits.cleared", limits=Limits(*row), by=by)
    return row is not None


async def list_limits(connection: Connection, organization_id: UUID) -> list[KeptLimits]:
    """What was set for an organization and its workspaces; its own first."""
    rows = await (await connection.execute(_LIST, (organization_id,))).fetchall()
    found = [KeptLimits(row[0], row[1], Limits(*row[2:5]), row[5], row[6]) for row in rows]
    return sorted(found, key=lambda kept: (kept.workspace_id or "", kept.group))


async def read_overrides(connection: Connection, organization_id: UUID) -> Overrides:
    """The same as a limiter takes it."""
    kept = await list_limits(connection, organization_id)
    return {(one.workspace_id, one.group): one.limits for one in kept}


async def read_all_overrides(connection: Connection) -> dict[UUID, Overrides]:
    """The limits of every organization that has any."""
    found: dict[UUID, dict[tuple[str | None, str], Limits]] = {}
    cursor = await connection.execute(_LIST_ALL)
    async for row in cursor:
        found.setdefault(row[0], {})[(row[1], row[2])] = Limits(*row[3:6])
    return dict(found)


def _check(place: Place, limits: Limits) -> None:
    group = place.group
    if not (group.isprintable() and group.strip() == group and 1 <= len(group) <= GROUP_CHARS_MAX):
        raise InvalidLimitError(
            f"A group of models has a name of 1 to {GROUP_CHARS_MAX} characters, or is {EVERY_GROUP}."
        )
    for kind, limit in limits.by_kind:
        if limit is not None and not 1 <= limit <= LIMIT_MAX:
            words = kind.replace("_", " ")
            raise InvalidLimitError(f"A limit of {words} per minute is from 1 to {LIMIT_MAX:,}, not {limit}.")


async def _audit(connection: Connection, place: Place, action: str, *, limits: Limits, by: Actor) -> None:
    await record_audit(
        connection,
        by,
        action,
        subject=place.workspace_id or str(place.organization_id),
        organization_id=place.organization_id,
        details={"group": place.group, **dict(limits.by_kind)},
    )
