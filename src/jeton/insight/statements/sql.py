"""SQL: the statement behind a page of usage or cost, whole, with its values in it, for ``psql`` or a replica.

It is the statement that the page runs, not one like it; the driver quotes every value. Around it stands only
what names its columns: when a row begins, and the net amount.
"""

from textwrap import dedent

from psycopg import AsyncClientCursor

from jeton.db.pool import Connection
from jeton.insight.explore.question import Question
from jeton.insight.explore.reading import make_statement

# What the sums of the tables are called on pages; every other one has its own name.
_SHOWN = {"net_nano": "charged_nano"}


async def render_sql(connection: Connection, question: Question) -> str:
    """The statement of a question, which is not one of minutes; its rows are those of the page's files."""
    inner, parameters, columns = make_statement(question)
    dimensions = "".join(f"{name}, " for name in question.group_by)
    sums = ", ".join(f"{name} AS {_SHOWN[name]}" if name in _SHOWN else name for name in columns)
    cuts = "(%(cuts)s::timestamptz[])"
    order = ", ".join(("starting_at", *(f"{name} NULLS LAST" for name in question.group_by)))
    statement = f"""
-- Usage and cost of one organization, as the Console shows it. Amounts: nano-dollars.
SELECT {cuts}[bucket + 1] AS starting_at, {cuts}[bucket + 2] AS ending_at, {dimensions}{sums},
       net_nano - reversed_nano AS net_nano
FROM (
{dedent(inner).strip()}
) AS page
ORDER BY {order};
"""  # noqa: S608 - every name is one of ours, every value a parameter
    cursor = AsyncClientCursor(connection)
    return cursor.mogrify(statement, parameters).lstrip()
