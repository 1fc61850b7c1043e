"""Standing: what stands above every page of the Console: credit now, this month and its end, what is pending.

One statement, over open lots, open holds, chunks of batches that are not done, and the daily sums of some
weeks; never a history.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.insight.overview.forecast import PAST_DAYS, Forecast, predict

DAY = timedelta(days=1)

# A hold is of one request, but for a node's lease, out of which it carves holds, and the pool of a batch,
# whose items are counted by themselves.
_STAND = """
    SELECT coalesce(sum(left_nano) FILTER (
               WHERE effective_at <= %(at)s AND coalesce(expires_at > %(at)s, true)), 0)::bigint,
           coalesce(sum(held_nano), 0)::bigint,
           (SELECT count(*) FROM holds WHERE organization_id = %(organization_id)s
            AND request_id NOT LIKE 'lease\\_%%' AND request_id NOT LIKE 'msgbatch\\_%%'),
           (SELECT coalesce(sum(c.left_items), 0)::bigint
            FROM batches AS b JOIN batch_chunks AS c USING (batch_id)
            WHERE b.organization_id = %(organization_id)s AND b.state IN ('in_progress', 'canceling')),
           (SELECT suspended_reason FROM organizations WHERE organization_id = %(organization_id)s),
           (SELECT greatest(0, credit_limit_nano - accrued_nano - greatest(0, receivable_nano))::bigint
            FROM balances WHERE organization_id = %(organization_id)s),
           (SELECT json_object_agg(day_on, nano) FROM (
                SELECT day_on, sum(nano)::bigint AS nano FROM (
                    SELECT day_on, sum(net_nano) AS nano FROM usage_rollups
                    WHERE organization_id = %(organization_id)s AND day_on >= %(since_on)s GROUP BY day_on
                    UNION ALL
                    SELECT day_on, -sum(reversed_nano) FROM reversal_rollups
                    WHERE organization_id = %(organization_id)s AND day_on >= %(since_on)s GROUP BY day_on
                ) AS sums GROUP BY day_on
           ) AS days),
           (SELECT zone FROM billing_profiles WHERE organization_id = %(organization_id)s)
    FROM lots WHERE organization_id = %(organization_id)s AND is_open
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the credit stands, in nano: available, held, settled in this month, and where the month leads.

    ``holds`` are requests in flight, ``batch_items`` those of batches that are not done. The month is UTC's,
    and so is its first day, ``since_on``. ``suspended_reason`` is why its requests are refused, "" where they
    are not; ``billing_zone`` the name of the zone of its invoices, "" where it has none.
    """

    as_of: datetime
    available_nano: int
    held_nano: int
    holds: int
    batch_items: int
    forecast: Forecast
    since_on: date
    suspended_reason: str = ""
    billing_zone: str = ""

    @property
    def settled_nano(self) -> int:
        """The net amount of the month so far."""
        return self.forecast.so_far_nano

    @property
    def pending(self) -> int:
        """Requests that were taken and are not settled, so that no amount on any page has them yet."""
        return self.holds + self.batch_items


async def get_standing(connection: Connection, organization_id: UUID) -> Standing:
    """Available and held as ``get_balance`` has them, and the forecast of the overview in UTC."""
    at = clock.now()
    today = at.astimezone(UTC).date()
    month_on = today.replace(day=1)
    values = {"organization_id": organization_id, "at": at}
    values["since_on"] = min(month_on, today - PAST_DAYS * DAY)
    cursor = await connection.execute(_STAND, values)
    # Sums without a GROUP BY are one row, whatever there is.
    row: Sequence[Any] = await cursor.fetchone() or ()
    available_nano, held_nano, holds, batch_items, suspended_reason, credit_nano, *rest = row
    days, billing_zone = rest
    forecast = _predict(days or {}, today, available_nano=available_nano + (credit_nano or 0))
    return Standing(
        as_of=at,
        available_nano=available_nano,
        held_nano=held_nano,
        holds=holds,
        batch_items=batch_items,
        forecast=forecast,
        since_on=month_on,
        suspended_reason=suspended_reason or "",
        billing_zone=billing_zone or "",
    )


def _predict(days: Mapping[str, int], today: date, *, available_nano: int) -> Forecast:
    """The month's end, from the net amounts of days by their ISO date."""
    past = [days.get((today - ago * DAY).isoformat(), 0) for ago in range(PAST_DAYS, 0, -1)]
    month = f"{today:%Y-%m}"
    return predict(
        past,
        so_far_nano=sum(nano for day, nano in days.items() if day.startswith(month)),
        days_left=monthrange(today.year, today.month)[1] - today.day,
        available_nano=available_nano,
        today=today,
    )
