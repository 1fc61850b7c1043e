"""Saved charts: a name for what an address of usage or cost says. It owns no number: opening asks anew.

A chart is its member's alone or the organization's. Whoever may share may also rename, take back and delete
what is the organization's; a member's own goes with the member. Every change is in the audit log, in the
transaction of the change.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.identity.charts.errors import InvalidChartError, TooManyChartsError, UnknownChartError
from jeton.identity.names import parse_name
from jeton.ids import new_id

ChartPage = Literal["usage", "cost"]

CHART_PAGES: tuple[ChartPage, ...] = ("usage", "cost")
STATE_CHARS_MAX = 2_000
# Of a member's own, and again of the organization's.
CHARTS_MAX = 100
PINNED_MAX = 4

# What a member sees: their own, and the organization's.
_SEEN = "c.organization_id = %(organization_id)s AND (c.member_id IS NULL OR c.member_id = %(member_id)s)"
_READ = f"""
    SELECT c.chart_id, c.member_id, c.saved_by, c.name, c.page, c.page_state, c.saved_at,
           EXISTS (SELECT FROM pinned_charts AS p
                   WHERE p.chart_id = c.chart_id AND p.member_id = %(member_id)s) AS is_pinned
    FROM saved_charts AS c WHERE {_SEEN}
"""  # noqa: S608 - the condition above
_COUNT = """
    SELECT count(*) FROM saved_charts
    WHERE organization_id = %(organization_id)s AND member_id IS NOT DISTINCT FROM %(owner_id)s
"""
_INSERT = """
    INSERT INTO saved_charts VALUES (%(chart_id)s, %(organization_id)s, %(owner_id)s, %(saved_by)s, %(name)s,
                                     %(page)s, %(page_state)s, %(saved_at)s)
"""
# Back to whoever saved it, or where they have left, to whoever takes it back; everybody else's pins go.
_TAKE_BACK = """
    WITH kept AS (
        SELECT coalesce((SELECT member_id FROM members
                         WHERE organization_id = %(organization_id)s AND email = %(saved_by)s),
                        %(member_id)s) AS member_id
    ), unpinned AS (
        DELETE FROM pinned_charts AS p USING kept
        WHERE p.chart_id = %(chart_id)s AND p.member_id <> kept.member_id
    )
    UPDATE saved_charts AS c SET member_id = kept.member_id FROM kept WHERE c.chart_id = %(chart_id)s
    RETURNING c.member_id
"""
# Whoever saves or pins at the same time waits here, so that no limit is passed.
_LOCK = "SELECT FROM organizations WHERE organization_id = %s FOR NO KEY UPDATE"


@dataclass(frozen=True, slots=True)
class Owner:
    """The member who looks, saves or pins."""

    organization_id: UUID
    member_id: str
    email: str


@dataclass(frozen=True, slots=True)
class SavedChart:
    """One saved chart; ``member_id`` None is the organization's. ``is_pinned`` is the looking member's."""

    chart_id: str
    member_id: str | None
    saved_by: str
    name: str
    page: ChartPage
    page_state: str
    saved_at: datetime
    is_pinned: bool

    @property
    def is_shared(self) -> bool:
        """Whether the whole organization has it."""
        return self.member_id is None


async def list_charts(connection: Connection, owner: Owner) -> list[SavedChart]:
    """The member's own charts and the organization's, by name; at most twice CHARTS_MAX."""
    async with connection.cursor(row_factory=class_row(SavedChart)) as cursor:
        await cursor.execute(
            f"{_READ} ORDER BY c.name, c.chart_id LIMIT %(limit)s",
            {**_values(owner), "limit": 2 * CHARTS_MAX},
        )
        return await cursor.fetchall()


async def get_chart(connection: Connection, owner: Owner, chart_id: str) -> SavedChart:
    """One chart that the member may see; else UnknownChartError."""
    if not chart_id.isprintable():
        raise UnknownChartError(chart_id)
    async with connection.cursor(row_factory=class_row(SavedChart)) as cursor:
        await cursor.execute(
            f"{_READ} AND c.chart_id = %(chart_id)s", {**_values(owner), "chart_id": chart_id}
        )
        chart = await cursor.fetchone()
    if chart is None:
        raise UnknownChartError(chart_id)
    return chart


async def save_chart(
    connection: Connection, owner: Owner, *, name: str, page: str, state: str, is_shared: bool
) -> SavedChart:
    """Save a page's state under a name; InvalidNameError, InvalidChartError or TooManyChartsError."""
    if page not in CHART_PAGES:
        raise InvalidChartError(f"the page is {page[:20]!a}, not {' or '.join(CHART_PAGES)}")
    if len(state) > STATE_CHARS_MAX or not state.isprintable():
        raise InvalidChartError(f"its address must have at most {STATE_CHARS_MAX} printable characters")
    values = {
        "chart_id": new_id("chart"),
        "organization_id": owner.organization_id,
        "owner_id": None if is_shared else owner.member_id,
        "saved_by": owner.email,
        "name": parse_name(name),
        "page": page,
        "page_state": state,
        "saved_at": clock.now(),
    }
    await _check_room(connection, owner, None if is_shared else owner.member_id)
    await connection.execute(_INSERT, values)
    chart = await get_chart(connection, owner, str(values["chart_id"]))
    await _note(connection, owner, "saved", chart, state=state, is_shared=is_shared)
    return chart


async def rename_chart(connection: Connection, owner: Owner, chart_id: str, *, name: str) -> SavedChart:
    """Call a chart otherwise; UnknownChartError or InvalidNameError."""
    before = await get_chart(connection, owner, chart_id)
    await connection.execute(
        "UPDATE saved_charts SET name = %s WHERE chart_id = %s", (parse_name(name), before.chart_id)
    )
    chart = await get_chart(connection, owner, chart_id)
    if chart != before:
        await _note(connection, owner, "renamed", chart, was=before.name)
    return chart


async def share_chart(connection: Connection, owner: Owner, chart_id: str) -> SavedChart:
    """Give one's own chart to the organization; UnknownChartError or TooManyChartsError."""
    chart = await get_chart(connection, owner, chart_id)
    if not chart.is_shared:
        await _check_room(connection, owner, None)
        await connection.execute(
            "UPDATE saved_charts SET member_id = NULL WHERE chart_id = %s", (chart.chart_id,)
        )
        await _note(connection, owner, "shared", chart)
    return await get_chart(connection, owner, chart_id)


async def take_back_chart(connection: Connection, owner: Owner, chart_id: str) -> str:
    """Make the organization's chart the own one of whoever saved it again, and say which member that is.

    Where they have left it is the owner's. UnknownChartError, or TooManyChartsError where that member has no
    room for it.
    """
    chart = await get_chart(connection, owner, chart_id)
    if chart.member_id is not None:
        return chart.member_id
    cursor = await connection.execute(
        _TAKE_BACK, {**_values(owner), "chart_id": chart.chart_id, "saved_by": chart.saved_by}
    )
    row = await cursor.fetchone()
    if row is None:
        raise UnknownChartError(chart_id)
    member_id = str(row[0])
    await _check_room(connection, owner, member_id, counted=1)
    await _note(connection, owner, "taken_back", chart, member_id=member_id)
    return member_id


async def delete_chart(connection: Connection, owner: Owner, chart_id: str) -> SavedChart:
    """Delete a chart, with every pin of it; UnknownChartError."""
    chart = await get_chart(connection, owner, chart_id)
    await connection.execute("DELETE FROM saved_charts WHERE chart_id = %s", (chart.chart_id,))
    await _note(connection, owner, "deleted", chart, state=chart.page_state)
    return chart


async def pin_chart(connection: Connection, owner: Owner, chart_id: str) -> None:
    """Put a chart onto the member's own overview; UnknownChartError or TooManyChartsError."""
    chart = await get_chart(connection, owner, chart_id)
    await connection.execute(_LOCK, (owner.organization_id,))
    cursor = await connection.execute(
        "SELECT count(*) FROM pinned_charts WHERE member_id = %s AND chart_id <> %s",
        (owner.member_id, chart.chart_id),
    )
    row = await cursor.fetchone()
    if row is not None and row[0] >= PINNED_MAX:
        raise TooManyChartsError(PINNED_MAX, "pinned")
    await connection.execute(
        "INSERT INTO pinned_charts VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (owner.member_id, chart.chart_id, clock.now()),
    )
    if not chart.is_pinned:
        await _note(connection, owner, "pinned", chart)


async def unpin_chart(connection: Connection, owner: Owner, chart_id: str) -> None:
    """Take a chart off the member's own overview; UnknownChartError."""
    chart = await get_chart(connection, owner, chart_id)
    await connection.execute(
        "DELETE FROM pinned_charts WHERE member_id = %s AND chart_id = %s", (owner.member_id, chart.chart_id)
    )
    if chart.is_pinned:
        await _note(connection, owner, "unpinned", chart)


async def list_pinned(connection: Connection, owner: Owner) -> list[SavedChart]:
    """The charts on the member's own overview, in the order in which they were pinned."""
    async with connection.cursor(row_factory=class_row(SavedChart)) as cursor:
        await cursor.execute(
            f"SELECT c.* FROM ({_READ}) AS c JOIN pinned_charts AS p"  # noqa: S608 - the query above
            " ON p.chart_id = c.chart_id AND p.member_id = %(member_id)s"
            " ORDER BY p.pinned_at, c.chart_id LIMIT %(limit)s",
            {**_values(owner), "limit": PINNED_MAX},
        )
        return await cursor.fetchall()


async def _check_room(
    connection: Connection, owner: Owner, owner_id: str | None, *, counted: int = 0
) -> None:
    """Whether there is room for one more, of which so many are ``counted`` among those there already."""
    await connection.execute(_LOCK, (owner.organization_id,))
    cursor = await connection.execute(
        _COUNT, {"organization_id": owner.organization_id, "owner_id": owner_id}
    )
    row = await cursor.fetchone()
    if row is not None and row[0] - counted >= CHARTS_MAX:
        raise TooManyChartsError(CHARTS_MAX, "saved")


async def _note(
    connection: Connection, owner: Owner, what: str, chart: SavedChart, **details: object
) -> None:
    """What was done to a chart, in the audit log."""
    await record_audit(
        connection,
        Actor("member", owner.email),
        f"chart.{what}",
        subject=chart.chart_id,
        organization_id=owner.organization_id,
        details={"name": chart.name, "page": chart.page, **details},
    )


def _values(owner: Owner) -> dict[str, object]:
    return {"organization_id": owner.organization_id, "member_id": owner.member_id}


def render_chart(chart: SavedChart) -> dict[str, object]:
    """A chart in JSON."""
    query = f"?{chart.page_state}" if chart.page_state else ""
    return {
        "type": "saved_chart",
        "id": chart.chart_id,
        "name": chart.name,
        "page": chart.page,
        "address": f"/console/{chart.page}{query}",
        "is_shared": chart.is_shared,
        "is_pinned": chart.is_pinned,
        "saved_by": chart.saved_by,
        "saved_at": chart.saved_at.isoformat(),
    }
