"""Dumping: every row of every table, as it is in one snapshot. The server goes on serving.

The schema itself is not dumped: it is what the migrations make, and they are named in the manifest. Nor
are the jobs of the queue, which only remind of what the tables say is to be done, and unlogged tables,
which are caches.
"""

from collections.abc import Callable
from graphlib import TopologicalSorter

from psycopg import sql

from jeton.db.backup.archive import BLOCK_BYTES, Applied, ArchiveWriter, Table, table_member
from jeton.db.pool import Connection

RECORD = "schema_migrations"

_TABLES = """
    SELECT c.relname, array_agg(a.attname ORDER BY a.attnum)
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.relname NOT LIKE 'procrastinate\\_%' AND c.relpersistence = 'p'
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    GROUP BY c.relname ORDER BY c.relname
"""
_REFERENCES = """
    SELECT child.relname, parent.relname
    FROM pg_constraint AS k JOIN pg_class AS child ON child.oid = k.conrelid
         JOIN pg_class AS parent ON parent.oid = k.confrelid
    WHERE k.contype = 'f' AND k.connamespace = current_schema()::regnamespace AND child.oid <> parent.oid
"""
_APPLIED = "SELECT number, name, digest FROM schema_migrations ORDER BY number"


async def list_tables(connection: Connection) -> dict[str, list[str]]:
    """The tables with the columns that are written, each table after those that it refers to."""
    columns: dict[str, list[str]] = dict(await (await connection.execute(_TABLES)).fetchall())
    columns.pop(RECORD, None)
    order = TopologicalSorter[str](dict.fromkeys(columns, ()))
    for child, parent in sorted(await (await connection.execute(_REFERENCES)).fetchall()):
        # What is not dumped refers to others and is referred to by none that is.
        if child in columns:
            order.add(child, parent)
    return {name: columns[name] for name in order.static_order()}


async def list_applied(connection: Connection) -> list[Applied]:
    """The migrations that the database has, in order."""
    return [Applied(*row) for row in await (await connection.execute(_APPLIED)).fetchall()]


async def dump_tables(
    connection: Connection, archive: ArchiveWriter, on_progress: Callable[[str, int], None]
) -> list[Table]:
    """Write all tables; ``on_progress`` gets a table and the rows of all so far.

    Reads in the transaction that is open, which must be a snapshot.
    """
    written: list[Table] = []
    rows_before = 0
    for name, columns in (await list_tables(connection)).items():
        query = sql.SQL("COPY {} ({}) TO STDOUT").format(
            sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        rows, block = 0, bytearray()
        with archive.add(table_member(name)) as sink:
            async with connection.cursor() as cursor, cursor.copy(query) as copy:
                # One piece a row, which is how PostgreSQL sends them.
                async for row in copy:
                    block += row
                    rows += 1
                    if len(block) >= BLOCK_BYTES:
                        sink.write(bytes(block))
                        block.clear()
                        on_progress(name, rows_before + rows)
            sink.write(bytes(block))
        rows_before += rows
        on_progress(name, rows_before)
        written.append(Table(name, columns, rows, sink.size_bytes, sink.sha256))
    return written
