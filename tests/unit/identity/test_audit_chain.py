"""The audit log's chain, by digests that were worked out with other programs."""

import hashlib
from datetime import UTC, datetime
from uuid import UUID

from jeton.identity.audit.chain import HOUSE, Sealed, find_chain, link, render_content

AT = datetime(2026, 11, 23, 12, 0, 0, 5, UTC)
ENTRY = Sealed("audit_1", AT, "member", "zoë@example.com", "key.created", "apikey_1", None, '{"name": "ci"}')
CONTENT = (
    "1:7\n7:audit_1\n16:1795435200000005\n6:member\n16:zoë@example.com\n11:key.created\n8:apikey_1\n0:\n"
    '14:{"name": "ci"}'
)


def test_the_content_counts_bytes() -> None:
    assert render_content(7, ENTRY) == CONTENT


def test_a_link_covers_what_came_before() -> None:
    first = link(b"", CONTENT)
    # printf '1:7\n7:audit_1\n…' | sha256sum
    assert first.hex() == hashlib.sha256(CONTENT.encode()).hexdigest()
    assert link(first, CONTENT) != first


def test_a_field_that_reads_like_two_is_another_entry() -> None:
    split = ENTRY._replace(actor="a\n1:b", action="x.y")
    assert render_content(1, split) != render_content(1, ENTRY._replace(actor="a", action="1:b\n3:x.y"))


def test_changes_of_nobody_are_of_the_house() -> None:
    one = UUID(int=5)
    assert (find_chain(None), find_chain(one)) == (HOUSE, one)
