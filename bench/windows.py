"""Time: do windows tile, for every anchor day of every period in every IANA zone from 2000 to 2100.

For each zone the first instant of every local day is found from the clock alone, by asking it at each
change of offset. Then for each period and anchor day every window is asked for at its first instant and
at its last microsecond, and must be the one between those days: so no instant lies in two windows and
none in between. Zones whose clocks show the same all the time are asked once.

    nice python bench/windows.py [--zones Europe/Berlin,Pacific/Apia] [--processes 2]
"""

import argparse
import multiprocessing
import time
from calendar import monthrange
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from jeton.ledger.budgets.windows import Calendar, Period, find_window
from jeton.ledger.budgets.zones import NO_PLACES

FIRST, LAST = date(1999, 12, 31), date(2101, 1, 2)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
# No zone changes its clocks twice in so short a time.
OFFSETS_EVERY = timedelta(hours=6)

Offsets = tuple[tuple[datetime, timedelta], ...]


def find_offsets(name: str) -> Offsets:
    """Every change of a zone's offset: the instant, and the offset from then on; to the second."""
    zone = ZoneInfo(name)
    at = datetime.combine(FIRST - 3 * DAY, datetime.min.time(), UTC)
    end = datetime.combine(LAST + 3 * DAY, datetime.min.time(), UTC)
    found = [(at, at.astimezone(zone).utcoffset() or timedelta())]
    while at < end:
        following = at + OFFSETS_EVERY
        offset = following.astimezone(zone).utcoffset() or timedelta()
        if offset != found[-1][1]:
            low, high = at, following
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                middle = middle.replace(microsecond=0)
                is_changed = (middle.astimezone(zone).utcoffset() or timedelta()) == offset
                low, high = (low, middle) if is_changed else (middle, high)
            found.append((high, offset))
        at = following
    return tuple(found)


def find_days(offsets: Offsets) -> dict[date, datetime]:
    """The first instant at which clocks with these offsets show each day or a later one."""
    spans = [
        (start, offset, offsets[number + 1][0] if number + 1 < len(offsets) else None)
        for number, (start, offset) in enumerate(offsets)
    ]
    days: dict[date, datetime] = {}
    day, number = FIRST, 0
    while day <= LAST:
        wanted = datetime.combine(day, datetime.min.time(), UTC)
        for start, offset, end in spans[max(0, number - 1) :]:
            instant = max(start, wanted - offset)
            if end is None or instant < end:
                days[day] = instant
                break
        while number + 1 < len(spans) and spans[number + 1][0] <= days[day]:
            number += 1
        day += DAY
    return days


def find_starts(period: Period, anchor: int) -> list[date]:
    """The days on which windows begin."""
    if period == "month":
        return [
            date(year, month, min(anchor, monthrange(year, month)[1]))
            for year in range(2000, 2101)
            for month in range(1, 13)
        ]
    day = date(2000, 1, 1)
    if period == "week":
        day += timedelta(days=(anchor - day.isoweekday()) % 7)
    step = 1 if period == "day" else 7
    return [day + timedelta(days=step * number) for number in range((LAST - DAY - day).days // step)]


def check(name: str, days: dict[date, datetime]) -> tuple[int, list[str]]:
    """How many windows of a zone were asked for, and what was wrong."""
    windows, problems = 0, list[str]()
    zone = ZoneInfo(name)
    kinds: list[tuple[Period, int]] = [("day", 1)]
    kinds += [("week", anchor) for anchor in range(1, 8)]
    kinds += [("month", anchor) for anchor in range(1, 32)]
    for period, anchor in kinds:
        calendar = Calendar(period, zone, anchor)
        # A day that a zone left out has no instant, so no window.
        edges = sorted({days[start] for start in find_starts(period, anchor)})
        for starts_at, ends_at in pairwise(edges):
            windows += 1
            problems += [
                f"{name} {period} {anchor}: {at} is in {found}"
                for at in (starts_at, ends_at - MICROSECOND)
                if (found := find_window(calendar, at)) != (starts_at, ends_at)
            ]
    return windows, problems


def check_group(names: list[str]) -> tuple[int, int, list[str]]:
    """Zones with one and the same clock: how many, the windows asked for, what was wrong."""
    windows, problems = check(names[0], find_days(find_offsets(names[0])))
    return len(names), windows, problems


def main() -> None:
    """Check every zone and print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--zones", default="", help="only these, ',' between them")
    parser.add_argument("--processes", type=int, default=1)
    chosen = parser.parse_args()
    names = chosen.zones.split(",") if chosen.zones else sorted(available_timezones() - NO_PLACES)
    started = time.monotonic()
    zones = windows = 0
    problems: list[str] = []
    with multiprocessing.Pool(chosen.processes) as pool:
        groups: dict[Offsets, list[str]] = defaultdict(list)
        for name, offsets in zip(names, pool.map(find_offsets, names, chunksize=8), strict=True):
            groups[offsets].append(name)
        for some_zones, some_windows, found in pool.imap_unordered(check_group, groups.values()):
            zones, windows = zones + some_zones, windows + some_windows
            problems += found
    print(f"zones                    {zones} ({len(groups)} different clocks)")
    print(f"windows asked for, twice {windows:,}")
    print(f"in two windows or none   {len(problems)}")
    print(f"seconds                  {time.monotonic() - started:.0f}")
    for problem in problems[:20]:
        print(problem)
    if problems:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
