"""Sources: who counted the tokens of the latest requests, by class: the upstream, or we.

A request whose upstream reported its usage is charged by that; where it reported none, by a count made here.
How far counts made here are from those reported is another question, see ``accuracy``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from jeton.db.pool import Connection
from jeton.insight.explore.minutes import COLUMNS
from jeton.insight.explore.question import Question
from jeton.insight.explore.sums import TOKEN_CLASSES, Sums, parse_counts

SOURCE_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "upstream": "Reported by the upstream",
        "counted": "Counted by us",
        "estimated": "Estimated by us",
    }
)
# So many requests are looked at, the newest of the range, whatever the other filters leave of them.
SCANNED_MAX = 1_000

_READ = """
    WITH latest AS MATERIALIZED (
        SELECT * FROM charges
        WHERE organization_id = %(organization_id)s AND held_at >= %(starts_at)s AND held_at < %(ends_at)s
        ORDER BY held_at DESC LIMIT %(scanned_max)s
    )
    SELECT e.source, count(*), sum(e.input_tokens), sum(e.cache_creation_5m_input_tokens),
           sum(e.cache_creation_1h_input_tokens), sum(e.cache_read_input_tokens), sum(e.output_tokens),
           sum(e.web_search_requests), coalesce(sum(e.thinking_tokens), 0)
    FROM latest AS c JOIN usage_events AS e USING (request_id)
    WHERE c.state = 'settled' {where}
    GROUP BY e.source ORDER BY e.source
"""


@dataclass(frozen=True, slots=True)
class Sources:
    """Requests and tokens by who counted them; no amounts."""

    by_source: Mapping[str, Sums]

    @property
    def requests(self) -> int:
        """How many settled requests were looked at."""
        return sum(sums.requests for sums in self.by_source.values())


async def read_sources(connection: Connection, question: Question) -> Sources:
    """Who counted, of the newest SCANNED_MAX requests of a question's stretch that its filters leave."""
    query = _READ.format(where="".join(f" AND {COLUMNS[name]} = ANY (%({name})s)" for name in question.where))
    cursor = await connection.execute(
        query,
        {
            "organization_id": question.organization_id,
            "starts_at": question.stretch.starts_at,
            "ends_at": question.stretch.ends_at,
            "scanned_max": SCANNED_MAX,
            **{name: list(values) for name, values in question.where.items()},
        },
    )
    return Sources({row[0]: parse_counts(row[1:]) for row in await cursor.fetchall()})


def render_sources(sources: Sources) -> dict[str, object]:
    """Who counted, in JSON, by class of tokens."""
    return {
        "requests": sources.requests,
        "by_source": {
            source: {"requests": sums.requests, **{name: getattr(sums, name) for name in TOKEN_CLASSES}}
            for source, sums in sources.by_source.items()
        },
    }
