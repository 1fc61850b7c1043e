"""The figures as two tables: medians of the rounds, and their ratios."""

import statistics
from collections.abc import Sequence

from parts.turns import Figure


def render(figures: Sequence[Figure]) -> str:
    """Two tables as text: throughput, then latency."""
    cases: dict[str, dict[str, Figure]] = {}
    for figure in figures:
        cases.setdefault(figure.case, {})[figure.target] = figure
    throughput: list[tuple[str, ...]] = [
        (
            "requests/s on one core",
            "direct",
            "nginx",
            "jeton",
            "jeton/nginx",
            "by CPU",
            "nginx us",
            "jeton us",
            "database us",
        )
    ]
    latency: list[tuple[str, ...]] = [
        (
            "latency at 100/s, ms",
            "direct p50",
            "p99",
            "nginx +p50",
            "+p99",
            "jeton +p50",
            "+p99",
            "+p50 first byte",
        )
    ]
    for name, by in cases.items():
        direct, nginx, jeton = (by[target] for target in ("direct", "nginx", "jeton"))
        speeds = [_median(figure.per_second) for figure in (direct, nginx, jeton)]
        cpus = [_median(us) for us in (nginx.cpu_us, jeton.cpu_us, jeton.database_cpu_us)]
        throughput.append(
            (
                name,
                *(f"{speed:,.0f}" for speed in speeds),
                f"{speeds[2] / speeds[1]:.3f}",
                # What the ratio would be if both had the core to themselves.
                f"{cpus[0] / cpus[1]:.3f}",
                *(f"{cpu:.0f}" for cpu in cpus),
            )
        )
        latency.append(
            (
                name,
                f"{_median(direct.p50_us) / 1e3:.2f}",
                f"{_median(direct.p99_us) / 1e3:.2f}",
                _added(nginx.p50_us, direct.p50_us),
                _added(nginx.p99_us, direct.p99_us),
                _added(jeton.p50_us, direct.p50_us),
                _added(jeton.p99_us, direct.p99_us),
                _added(jeton.first_p50_us, direct.first_p50_us),
            )
        )
    return f"{_table(throughput)}\n\n{_table(latency)}"


def _median(values: Sequence[float]) -> float:
    return statistics.median(values or [float("nan")])


def _added(ours: Sequence[float], direct: Sequence[float]) -> str:
    """What a gateway adds to the direct call of the same round, in milliseconds."""
    pairs = zip(ours, direct, strict=False)  # a void round is missing
    return f"{_median([here - there for here, there in pairs]) / 1e3:.2f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
