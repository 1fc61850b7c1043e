"""Content: characters per token by tokenizer family and kind of content, as upstreams reported them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.insight.usage import DayRange

DAYS = 30
# A figure is for everybody only when so many organizations and tokens are in it: of fewer it could tell
# what one of them sends.
ORGANIZATIONS_MIN = 20
TOKENS_MIN = 1_000_000
ROWS_MAX = 1_000

_READ_PUBLIC = """
    SELECT family, kind, count(DISTINCT organization_id), sum(characters), sum(tokens) FROM content_rollups
    WHERE day_on >= %s AND day_on < %s
    GROUP BY family, kind HAVING count(DISTINCT organization_id) >= %s AND sum(tokens) >= %s
    ORDER BY family, kind LIMIT %s
"""
_READ_OWN = """
    SELECT family, kind, 1, sum(characters), sum(tokens) FROM content_rollups
    WHERE organization_id = %s AND day_on >= %s AND day_on < %s
    GROUP BY family, kind HAVING sum(tokens) > 0 ORDER BY family, kind LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class ContentRatio:
    """One family and kind; at least one token."""

    family: str
    kind: str
    organizations: int
    characters: int
    tokens: int

    @property
    def characters_per_token(self) -> str:
        """With two decimals, half up: 371 characters for 100 tokens are 3.71."""
        hundredths = (self.characters * 200 + self.tokens) // (2 * self.tokens)
        return f"{hundredths // 100}.{hundredths % 100:02}"


@dataclass(frozen=True, slots=True)
class ContentReport:
    """The ratios of a range of days."""

    as_of: datetime
    range: DayRange
    ratios: tuple[ContentRatio, ...]


async def get_public_content(connection: Connection) -> ContentReport:
    """What everybody may know: only what is above both floors."""
    as_of = clock.now()
    range_ = DayRange.last(DAYS, at=as_of)
    values = (range_.from_on, range_.until_on, ORGANIZATIONS_MIN, TOKENS_MIN, ROWS_MAX)
    cursor = await connection.execute(_READ_PUBLIC, values)
    rows = await cursor.fetchall()
    return ContentReport(as_of, range_, tuple(_parse(row) for row in rows))


async def get_own_content(connection: Connection, organization_id: UUID) -> ContentReport:
    """An organization's own ratios, for its members."""
    as_of = clock.now()
    range_ = DayRange.last(DAYS, at=as_of)
    cursor = await connection.execute(_READ_OWN, (organization_id, range_.from_on, range_.until_on, ROWS_MAX))
    rows = await cursor.fetchall()
    return ContentReport(as_of, range_, tuple(_parse(row) for row in rows))


def _parse(row: tuple[str, str, int, int, int]) -> ContentRatio:
    return ContentRatio(row[0], row[1], int(row[2]), int(row[3]), int(row[4]))
