"""Files: an export as a download: written whole in one snapshot, then handed out piece by piece.

So a mistake on the way is an answer of its own, never half a file; and memory does not grow with the file.
"""

import tempfile

from jeton.billing.focus.words import FocusAsk
from jeton.billing.focus.writing import MEDIA_TYPES, FocusForm, name_export, save_export
from jeton.billing.invoicing.words import Rules
from jeton.billing.paper.files import CHUNK_BYTES, Download
from jeton.db.pool import Pool
from jeton.insight.verify import snapshot


async def open_export(pool: Pool, ask: FocusAsk, *, form: FocusForm, rules: Rules) -> Download:
    """An export for an edge to send; MissingRateError where a currency has no exchange rate."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed once it was sent
    try:
        async with pool.connection() as connection, snapshot(connection):
            await save_export(connection, ask, file, form=form, rules=rules)
        size_bytes = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    chunks = iter(lambda: file.read(CHUNK_BYTES), b"")
    return Download(name_export(ask, form), MEDIA_TYPES[form], size_bytes, chunks, file.close)
