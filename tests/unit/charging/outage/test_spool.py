"""Spool: what was appended is there after a crash, a torn last line is not, damage is refused."""

from pathlib import Path

import pytest

from jeton.charging.errors import SpoolDamagedError, SpoolFullError
from jeton.charging.outage.spool import Spool, SpooledEnd
from jeton.charging.words import Rule
from jeton.ids import new_id, new_uuid


def make_end() -> SpooledEnd:
    """A release of some request."""
    return SpooledEnd(new_uuid(), new_id("req"), "released", Rule.UPSTREAM_FAILED, "m@2026-01-01")


async def test_what_was_appended_is_read_by_the_next_process(tmp_path: Path) -> None:
    """Nothing but the file connects the two."""
    path, ends = tmp_path / "spool" / "ends.jsonl", [make_end(), make_end()]
    spool = Spool(path)
    for end in ends:
        await spool.append(end)
    reopened = Spool(path)
    assert (reopened.read(), reopened.count) == (ends, 2)


async def test_a_torn_last_line_is_forgotten_and_the_rest_kept(tmp_path: Path) -> None:
    """At every length of the torn line."""
    path, first, second = tmp_path / "ends.jsonl", make_end(), make_end()
    spool = Spool(path)
    await spool.append(first)
    kept = path.stat().st_size
    await spool.append(second)
    whole = path.read_bytes()
    for size in range(kept, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert Spool(path).read() == [first]


async def test_after_a_torn_line_new_ends_are_whole(tmp_path: Path) -> None:
    """The rest of the torn line does not run into the next."""
    path, first, second = tmp_path / "ends.jsonl", make_end(), make_end()
    spool = Spool(path)
    await spool.append(first)
    path.write_bytes(path.read_bytes() + b"0123abcd {half")
    spool = Spool(path)
    await spool.append(second)
    assert Spool(path).read() == [first, second]


async def test_damage_in_the_middle_is_refused_with_its_line(tmp_path: Path) -> None:
    """One flipped byte in the first of two lines."""
    path = tmp_path / "ends.jsonl"
    spool = Spool(path)
    await spool.append(make_end())
    await spool.append(make_end())
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    with pytest.raises(SpoolDamagedError, match=r"ends\.jsonl:1: "):
        Spool(path)


async def test_a_full_spool_says_both_numbers(tmp_path: Path) -> None:
    """The line that does not fit is not written."""
    spool = Spool(tmp_path / "ends.jsonl", bytes_max=300)
    await spool.append(make_end())
    with pytest.raises(SpoolFullError, match=r"1 settlements in \d+ of 300 bytes"):
        await spool.append(make_end())
    assert len(spool.read()) == 1


async def test_clearing_keeps_what_came_meanwhile(tmp_path: Path) -> None:
    """Two were booked, one more came in."""
    path, last = tmp_path / "ends.jsonl", make_end()
    spool = Spool(path)
    await spool.append(make_end())
    await spool.append(make_end())
    await spool.append(last)
    await spool.clear(2)
    assert (Spool(path).read(), spool.count, spool.size_bytes) == ([last], 1, path.stat().st_size)
