"""Token table: rows of errors in percent."""

from collections.abc import Sequence
from dataclasses import dataclass

HEADING = f"{'':28s}{'windows':>8s}{'mean':>7s}{'P95':>7s}{'under':>8s}{'broken':>8s}{'slack':>7s}"


@dataclass(frozen=True, slots=True)
class Row:
    """A window's tokens as they are, as estimated, and the interval."""

    truth: int
    value: int
    low: int
    high: int


def render_row(name: str, rows: Sequence[Row]) -> str:
    """One line: mean and 95th percentile of the error, worst undercount in 1,000, limit broken, slack."""
    errors = sorted(100 * (row.value / row.truth - 1) for row in rows)
    sizes = sorted(map(abs, errors))
    broken = sum(row.truth > row.high for row in rows)
    slack = sum(row.high / row.truth - 1 for row in rows)
    return (
        f"{name[:27]:28s}{len(rows):8d}{sum(sizes) / len(sizes):7.2f}{sizes[len(sizes) * 95 // 100]:7.2f}"
        f"{errors[len(errors) // 1000]:8.1f}{100 * broken / len(rows):8.2f}{100 * slack / len(rows):7.1f}"
    )
