"""Time: do windows tile, for every anchor day of every period in every IANA zone from 2000 to 2100.

For each zone the first instant of every local day is found from the clock alone, by asking it at each
change of offset. Then for each period and anchor day every window is asked for at its first instant and
at its last microsecond, and must be the one between those days: so no instant lies in two windows and
none in between. Zones whose clocks show the same for a year, and for weeks before and after it, are asked
once for that year.

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

YEARS = range(2000, 2101)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
# No zone changes its clocks twice in so short a time.
OFFSETS_EVERY = timedelta(hours=6)
# A window that begins in a year ends within a month of it; what is looked at lies a month further.
AROUND = 70 * DAY

Offsets = tuple[tuple[datetime, timedelta], ...]


def find_offsets(name: str) -> Offsets:
    """Every change of a zone's offset: the instant, and the offset from then on; to the second."""
    zone = ZoneInfo(name)
    at = datetime(YEARS[0], 1, 1, tzinfo=UTC) - AROUND - 3 * DAY
    end = datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC) + AROUND + 3 * DAY
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


def cut_offsets(offsets: Offsets, year: int) -> Offsets:
    """What of them counts in a year and around it; the first is in force where that begins."""
    start = datetime(year, 1, 1, tzinfo=UTC) - AROUND
    end = datetime(year + 1, 1, 1, tzinfo=UTC) + AROUND
    in_force = max(number for number, (at, _) in enumerate(offsets) if at <= start)
    return ((start, offsets[in_force][1]), *((at, to) for at, to in offsets[in_force + 1 :] if at < end))


def find_days(offsets: Offsets, year: int) -> dict[date, datetime]:
    """The first instant at which clocks with these offsets show each day of a year, or a later one.

    And of the weeks after it.
    """
    ends = [*(at for at, _ in offsets[1:]), None]
    days: dict[date, datetime] = {}
    day, last = date(year, 1, 1), date(year + 1, 2, 1)
    while day <= last:
        wanted = datetime.combine(day, datetime.min.time(), UTC)
        for (start, offset), end in zip(offsets, ends, strict=True):
            instant = max(start, wanted - offset)
            if end is None or instant < end:
                days[day] = instant
                break
        day += DAY
    return days


def find_starts(period: Period, anchor: int, year: int) -> list[date]:
    """The days of a year on which windows begin, and the next such day."""
    if period == "month":
        months = [(year, month) for month in range(1, 13)] + [(year + 1, 1)]
        return [date(y, month, min(anchor, monthrange(y, month)[1])) for y, month in months]
    day, step = date(year, 1, 1), DAY
    if period == "week":
        day += timedelta(days=(anchor - day.isoweekday()) % 7)
        step = 7 * DAY
    days = [day]
    while days[-1].year == year:
        days.append(days[-1] + step)
    return days


def check(name: str, days: dict[date, datetime], year: int) -> tuple[int, list[str]]:
    """How many windows of a zone and year were asked for, and what was wrong."""
    windows, problems = 0, list[str]()
    zone = ZoneInfo(name)
    kinds: list[tuple[Period, int]] = [("day", 1)]
    kinds += [("week", anchor) for anchor in range(1, 8)]
    kinds += [("month", anchor) for anchor in range(1, 32)]
    for period, anchor in kinds:
        calendar = Calendar(period, zone, anchor)
        # A day that a zone left out has no instant, so no window.
        edges = sorted({days[start] for start in find_starts(period, anchor, year)})
        for starts_at, ends_at in pairwise(edges):
            windows += 1
            problems += [
                f"{name} {period} {anchor}: {at} is in {found}"
                for at in (starts_at, ends_at - MICROSECOND)
                if (found := find_window(calendar, at)) != (starts_at, ends_at)
            ]
    return windows, problems


def check_group(group: tuple[int, Offsets, list[str]]) -> tuple[int, int, list[str]]:
    """A year of zones that show the same: how many, the windows asked for, what was wrong."""
    year, offsets, names = group
    windows, problems = check(names[0], find_days(offsets, year), year)
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
    tiled = asked = 0
    problems: list[str] = []
    with multiprocessing.Pool(chosen.processes) as pool:
        groups: dict[tuple[int, Offsets], list[str]] = defaultdict(list)
        for name, offsets in zip(names, pool.map(find_offsets, names, chunksize=8), strict=True):
            for year in YEARS:
                groups[year, cut_offsets(offsets, year)].append(name)
        jobs = [(year, offsets, some) for (year, offsets), some in groups.items()]
        for zones, windows, found in pool.imap_unordered(check_group, jobs, chunksize=16):
            tiled, asked = tiled + zones * windows, asked + windows
            problems += found
    print(f"zones                    {len(names)} ({len(groups)} different years of a clock)")
    print(f"windows                  {tiled:,}")
    print(f"  asked for, twice       {asked:,}")
    print(f"in two windows or none   {len(problems)}")
    print(f"seconds                  {time.monotonic() - started:.0f}")
    for problem in problems[:20]:
        print(problem)
    if problems:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
