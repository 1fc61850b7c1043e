"""What was booked before the chain existed is chained by its migration as the program chains it."""

import shutil
from pathlib import Path

from jeton.db.migrating import MIGRATIONS_DIR, migrate
from jeton.db.pool import open_pool
from jeton.ids import new_uuid
from jeton.insight.verify import verify

LAST_WITHOUT_CHAIN = 5

OLD_BOOKS = """
    INSERT INTO organizations (organization_id, name, created_at) VALUES ('{0}', 'Old', now());
    INSERT INTO balances (organization_id, credit_free_nano, promotion_nano) VALUES ('{0}', -7, 7);
    INSERT INTO lots (lot_id, organization_id, kind, granted_nano, left_nano, effective_at, granted_at,
                      reason) VALUES ('lot_1', '{0}', 'free', 7, 7, now(), now(), 'trial');
    INSERT INTO transactions VALUES
        ('txn_1', '{0}', 'grant', NULL, '{{promotion,credit:free}}', '{{"",lot_1}}', '{{5,-5}}', 'trial',
         '2026-11-01 12:00:00.000007+00'),
        ('txn_2', '{0}', 'grant', NULL, '{{promotion,credit:free}}', '{{"",lot_1}}', '{{2,-2}}', 'more',
         '2026-11-01 12:00:01+00');
"""


async def test_old_books_are_chained_by_the_migration(empty_database_url: str, tmp_path: Path) -> None:
    """Two transactions from before; the proof recomputes both links in Python."""
    for path in sorted(MIGRATIONS_DIR.glob("*.sql"))[:LAST_WITHOUT_CHAIN]:
        shutil.copy(path, tmp_path)
    await migrate(empty_database_url, directory=tmp_path)
    pool = await open_pool(empty_database_url)
    try:
        async with pool.connection() as connection:
            await connection.execute(OLD_BOOKS.format(new_uuid()))
        await migrate(empty_database_url)
        async with pool.connection() as connection:
            proof = await verify(connection)
    finally:
        await pool.close()
    assert proof.findings == []
    assert [end.split(":")[0] for end in proof.chains.values()] == ["2"]
