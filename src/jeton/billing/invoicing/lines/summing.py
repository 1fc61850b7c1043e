"""Summing: what each key of each period comes to now, and what of it was not billed yet.

Late usage needs no list of its own: it is what a key of a closed period comes to now, less all that was
billed for it in whatever document.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jeton.billing.invoicing.lines.building import Due
from jeton.billing.invoicing.lines.keys import CREDIT_FREE, CREDIT_PREPAID, USAGE, ReversedKey, kind_of
from jeton.billing.invoicing.lines.prices import Prices
from jeton.billing.invoicing.periods import Period
from jeton.insight.periods.used import Used

# (quantity, net in nano) of a key; of what has no quantity it is 0.
Amounts = tuple[int, int]
NOTHING: Amounts = (0, 0)


@dataclass(slots=True)
class PeriodSums:
    """What one period comes to: an amount for each key, and of the net amount what no lot paid."""

    amounts: dict[str, Amounts] = field(default_factory=dict)
    net_nano: int = 0
    on_credit_nano: int = 0

    def add(self, key: str, amounts: Amounts) -> None:
        """Count an amount."""
        before = self.amounts.get(key, NOTHING)
        self.amounts[key] = (before[0] + amounts[0], before[1] + amounts[1])


def sum_up(
    rows: Iterable[Used], cuts: Sequence[datetime], *, periods: Sequence[Period], prices: Prices
) -> dict[Period, PeriodSums]:
    """One organization's sums by period; ``rows`` are of segments between ``cuts``."""
    starts = [period.period_from for period in periods]
    found = {period: PeriodSums() for period in periods}
    for used in rows:
        at = cuts[used.segment]
        number = bisect_right(starts, at) - 1
        if number < 0 or not periods[number].holds(at):
            continue
        sums = found[periods[number]]
        for bucket, nano in used.nets_nano.items():
            sums.add(str(prices.key(used, bucket, at)), (used.quantities[bucket], nano))
        if used.reversed_nano:
            undone = ReversedKey(
                used.workspace_id,
                used.model,
                used.service_tier,
                used.inference_geo,
                used.speed,
                used.context_window,
            )
            sums.add(str(undone), (0, -used.reversed_nano))
        prepaid_nano = used.net_nano - used.free_credit_nano - used.on_credit_nano
        sums.add(CREDIT_FREE, (0, -used.free_credit_nano))
        sums.add(CREDIT_PREPAID, (0, -prepaid_nano))
        sums.net_nano += used.net_nano
        sums.on_credit_nano += used.on_credit_nano
    return found


def subtract(
    sums: PeriodSums, billed: Mapping[str, Amounts], period: Period, *, corrects: str = "", is_late: bool
) -> list[Due]:
    """What is to be billed for a period: what its keys come to now, less what was billed for them.

    Usage that cost nothing is told once, on the document of its period.
    """
    found = []
    for key in (*sums.amounts, *(key for key in billed if key not in sums.amounts)):
        quantity, nano = sums.amounts.get(key, NOTHING)
        billed_quantity, billed_nano = billed.get(key, NOTHING)
        quantity, nano = quantity - billed_quantity, nano - billed_nano
        if nano or (quantity and not is_late and kind_of(key) == USAGE):
            found.append(
                Due(key, period.period_from, period.period_to, quantity, nano, corrects, is_late=is_late)
            )
    return found
