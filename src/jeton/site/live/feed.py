"""Feed: what changed, as Atom (RFC 4287), from the changelog's versions and the price book."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from xml.sax.saxutils import escape, quoteattr

from jeton.site.live.prices import PriceChange

ENTRIES_MAX = 50
# A version that is out: its number and its day.
_RELEASE = re.compile(r"^## (?P<number>\d\S*) \((?P<day>\d{4}-\d{2}-\d{2})\)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of news; ``link`` and ``entry_id`` are below the address of the site."""

    at: datetime
    title: str
    text: str
    entry_id: str
    link: str


def list_entries(changelog: str, changes: Sequence[PriceChange]) -> list[Entry]:
    """Versions of the software and changes of prices, the latest first, at most ENTRIES_MAX."""
    entries = [*_list_releases(changelog), *map(_tell, changes)]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:ENTRIES_MAX]


def render_feed(base_url: str, brand: str, *, entries: Sequence[Entry], at: datetime) -> str:
    """The entries; what is ahead of ``at`` is announced now."""
    return "\n".join(_render(base_url, brand, entries, at)) + "\n"


def _render(base_url: str, brand: str, entries: Sequence[Entry], at: datetime) -> Iterator[str]:
    address = f"{base_url}/docs/changelog"
    updated = max((entry.at for entry in entries if entry.at <= at), default=at)
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield '<feed xmlns="http://www.w3.org/2005/Atom">'
    yield f"<title>{escape(brand)}: changes</title>"
    yield f"<id>{escape(address)}</id>"
    yield f"<link href={quoteattr(address)}/>"
    yield f'<link rel="self" href={quoteattr(f"{address}.atom")}/>'
    yield f"<updated>{_stamp(updated)}</updated>"
    yield f"<author><name>{escape(brand)}</name></author>"
    for entry in entries:
        yield "<entry>"
        yield f"<title>{escape(entry.title)}</title>"
        yield f"<id>{escape(f'{base_url}{entry.entry_id}')}</id>"
        yield f"<link href={quoteattr(f'{base_url}{entry.link}')}/>"
        yield f"<updated>{_stamp(min(entry.at, at))}</updated>"
        yield f"<content>{escape(entry.text)}</content>"
        yield "</entry>"
    yield "</feed>"


def _list_releases(changelog: str) -> Iterator[Entry]:
    for found in _RELEASE.finditer(changelog):
        on = date.fromisoformat(found["day"])
        link = f"/docs/changelog#{re.sub(r'[^0-9a-z -]', '', found[0][3:].lower()).replace(' ', '-')}"
        text = f"Version {found['number']} of {on}."
        yield Entry(datetime.combine(on, time(), UTC), f"Version {found['number']}", text, link, link)


def _tell(change: PriceChange) -> Entry:
    text = f"Price version {change.version.price_version_id}."
    return Entry(change.at, change.title, text, f"/pricing#{change.change_id}", "/pricing#dates")


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
