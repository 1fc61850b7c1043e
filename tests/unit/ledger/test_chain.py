"""Chain: the digest covers every field and everything before it; the expected value is by hand."""

from datetime import UTC, datetime
from hashlib import sha256

import pytest

from jeton.ledger.chain import Entry, link

ENTRY = Entry(
    2,
    "01934b2e-0000-7000-8000-000000000001",
    "txn_1",
    "hold",
    "req_1",
    ["credit:free", "held"],
    ["lot_1", "lot_1"],
    [5, -5],
    datetime(1970, 1, 1, 0, 0, 1, 7, tzinfo=UTC),
    "why",
)


def test_the_digest_is_of_a_line_a_field_after_the_digest_before() -> None:
    """Written out as it is documented."""
    content = (
        b"2\ntxn_1\n01934b2e-0000-7000-8000-000000000001\nhold\nreq_1\ncredit:free,held\nlot_1,lot_1\n5,-5\n"
        b"1000007\nwhy"
    )
    assert link(b"before", ENTRY) == sha256(b"before" + content).digest()


@pytest.mark.parametrize(
    "other",
    [
        ENTRY._replace(sequence=3),
        ENTRY._replace(movement="settle"),
        ENTRY._replace(request_id=None),
        ENTRY._replace(amounts=[6, -6]),
        ENTRY._replace(lots=["lot_1", "lot_2"]),
        ENTRY._replace(reason="other"),
        ENTRY._replace(posted_at=datetime(1970, 1, 1, 0, 0, 1, 8, tzinfo=UTC)),
    ],
)
def test_every_field_counts(other: Entry) -> None:
    """Another value, another digest."""
    assert link(b"", other) != link(b"", ENTRY)
