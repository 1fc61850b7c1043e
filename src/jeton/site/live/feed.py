"""Feed: what changed, as Atom (RFC 4287), from the changelog and the price book."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from jeton.site.live.prices import PriceChange

ENTRIES_MAX = 50


def render_feed(base_url: str, brand: str, *, changes: Sequence[PriceChange], at: datetime) -> str:
    """The newest changes that are in force or announced at ``at``."""
    return "\n".join(_render(base_url, brand, changes[:ENTRIES_MAX], at)) + "\n"


def _render(base_url: str, brand: str, changes: Sequence[PriceChange], at: datetime) -> Iterator[str]:
    address = f"{base_url}/docs/changelog"
    updated = max((change.at for change in changes if change.at <= at), default=at)
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield '<feed xmlns="http://www.w3.org/2005/Atom">'
    yield f"<title>{escape(brand)}: changes</title>"
    yield f"<id>{escape(address)}</id>"
    yield f"<link href={quoteattr(address)}/>"
    yield f'<link rel="self" href={quoteattr(f"{address}.atom")}/>'
    yield f"<updated>{_stamp(updated)}</updated>"
    yield f"<author><name>{escape(brand)}</name></author>"
    for change in changes:
        yield "<entry>"
        yield f"<title>{escape(change.title)}</title>"
        yield f"<id>{escape(f'{base_url}/pricing#{change.version.price_version_id}')}</id>"
        yield f"<link href={quoteattr(f'{base_url}/pricing#dates')}/>"
        yield f"<updated>{_stamp(min(change.at, at))}</updated>"
        yield f"<content>{escape(f'Price version {change.version.price_version_id}.')}</content>"
        yield "</entry>"
    yield "</feed>"


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
