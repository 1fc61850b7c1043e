"""Price versions on record: every version in force here is stored as it reads, for ever (P10)."""

from collections.abc import Collection, Iterable

from psycopg.types.json import Jsonb

from jeton import clock
from jeton.db.pool import Connection
from jeton.errors import ConfigurationError
from jeton.identity.audit import SYSTEM, record_audit
from jeton.pricing.book import PriceVersion

_KNOWN = "SELECT price_version_id, digest FROM price_versions"
_RECORD = """
    INSERT INTO price_versions (price_version_id, digest, content, recorded_at)
    VALUES (%s, %s, %s, %s) ON CONFLICT (price_version_id) DO NOTHING
"""


async def record_price_versions(connection: Connection, versions: Iterable[PriceVersion]) -> None:
    """Store versions not seen before; raise ConfigurationError if a stored one now reads otherwise.

    A price is never changed in place: a new price is a new version with a later date.
    """
    rows = await (await connection.execute(_KNOWN)).fetchall()
    known = {row[0]: row[1] for row in rows}
    listed = list(versions)
    mistakes = [
        f"The price version {version.price_version_id} was changed in place: it was "
        f"{known[version.price_version_id]} and now reads {version.digest}. Put the old text back and add "
        "the new price with a later date."
        for version in listed
        if known.get(version.price_version_id, version.digest) != version.digest
    ]
    if mistakes:
        raise ConfigurationError(mistakes)
    fresh = [version for version in listed if version.price_version_id not in known]
    if not fresh:
        return
    at = clock.now()
    async with connection.cursor() as cursor:
        await cursor.executemany(
            _RECORD,
            [(version.price_version_id, version.digest, Jsonb(version.content()), at) for version in fresh],
        )
    await record_audit(
        connection,
        SYSTEM,
        "prices.recorded",
        subject="price book",
        details={"price_versions": [version.price_version_id for version in fresh]},
    )


async def find_price_versions(
    connection: Connection, version_ids: Collection[str]
) -> dict[str, PriceVersion]:
    """The stored versions of these ids, as they read when they were in force."""
    query = "SELECT price_version_id, content FROM price_versions WHERE price_version_id = ANY(%s)"
    rows = await (await connection.execute(query, ([*version_ids],))).fetchall()
    return {row[0]: PriceVersion.from_content(row[1]) for row in rows}
