"""Zones: the names of the IANA time zone database, and nothing that this machine made up."""

from collections.abc import Collection
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from jeton.ledger.budgets.errors import UnknownZoneError

NEAREST_MAX = 3
# The database has these, and they are no place: what this machine is set to, and what says nothing.
NO_PLACES = frozenset({"localtime", "Factory"})


def parse_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name such as ``Europe/Berlin``; UnknownZoneError names the nearest ones.

    Names are told apart by case, as on the most careful machine, and aliases of this machine
    (``localtime``, ``right/…`` with its leap seconds) are none.
    """
    names = _list_names()
    if name in names:
        return ZoneInfo(name)
    raise UnknownZoneError(name, find_nearest(name, names))


@cache
def _list_names() -> frozenset[str]:
    """Every name there is; looked up once, because it means reading some hundred files."""
    return frozenset(available_timezones() - NO_PLACES)


def find_nearest(name: str, names: Collection[str]) -> tuple[str, ...]:
    """The names that somebody may have meant: the same city, the same letters, or nearly."""
    wanted = name.strip().replace(" ", "_").casefold()
    by_fold = {known.casefold(): known for known in sorted(names)}
    cities: dict[str, list[str]] = {}
    for known in sorted(names):
        cities.setdefault(known.rpartition("/")[2].casefold(), []).append(known)
    found = [by_fold[wanted]] if wanted in by_fold else []
    found += cities.get(wanted.rpartition("/")[2], [])
    found += [by_fold[fold] for fold in get_close_matches(wanted, by_fold, NEAREST_MAX)]
    return tuple(dict.fromkeys(found))[:NEAREST_MAX]
