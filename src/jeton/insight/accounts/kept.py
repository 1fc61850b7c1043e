"""Kept lots: what of a stretch closings have kept, and which spans of the journal are left to be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from jeton.db.pool import Connection
from jeton.insight.accounts.words import Stretch

# Before anything was ever posted.
EVER = datetime(1, 1, 1, tzinfo=UTC)
# Those that were not opened again follow one another without a gap, from ever on.
_KEPT = """
    SELECT closing_id, coalesce(kept_from, %(ever)s), kept_to
    FROM lot_closings JOIN book_closings USING (closing_id)
    WHERE reopened_at IS NULL AND kept_to <= %(until_at)s ORDER BY kept_to
"""


@dataclass(frozen=True, slots=True)
class Span:
    """Postings from ``since_at`` until just before ``until_at``; of a closing, if one has kept them."""

    since_at: datetime
    until_at: datetime
    closing_id: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """The spans that come to all before a stretch, and to all of it: each is kept, or in the journal."""

    before: tuple[Span, ...]
    inside: tuple[Span, ...]

    @property
    def closings(self) -> list[str]:
        """The closings of all spans that are kept."""
        return [span.closing_id for span in (*self.before, *self.inside) if span.closing_id]

    @property
    def journal(self) -> list[tuple[Span, bool]]:
        """The spans to be read from the journal, with whether they are before the stretch."""
        spans = [(span, True) for span in self.before] + [(span, False) for span in self.inside]
        return [(span, is_before) for span, is_before in spans if not span.closing_id]


async def list_kept(connection: Connection, until_at: datetime) -> list[Span]:
    """What closings kept of all that was posted before an instant, in the order of time."""
    cursor = await connection.execute(_KEPT, {"ever": EVER, "until_at": until_at})
    return [Span(since_at, to_at, closing_id) for closing_id, since_at, to_at in await cursor.fetchall()]


def find_sources(kept: Sequence[Span], stretch: Stretch) -> Sources:
    """Kept spans as far as they reach: the journal between them and the ends of the stretch.

    March 10 until May 5, January to April closed: January and February are before it, and the journal from
    March 1 to 10; in it are the journal from March 10 to 31, April, and the journal of May.
    """
    from_at = stretch.from_at or EVER
    before = [span for span in kept if span.until_at <= from_at]
    inside = [span for span in kept if span.since_at >= from_at]
    before.append(Span(before[-1].until_at if before else EVER, from_at))
    first_at = inside[0].since_at if inside else stretch.until_at
    last_at = inside[-1].until_at if inside else stretch.until_at
    inside = [Span(from_at, first_at), *inside, Span(last_at, stretch.until_at)]
    return Sources(_only_real(before), _only_real(inside))


def _only_real(spans: Sequence[Span]) -> tuple[Span, ...]:
    return tuple(span for span in spans if span.since_at < span.until_at)
