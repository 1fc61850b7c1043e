"""Spool: what was appended is there after a crash, a torn last line is not, damage is refused."""

import asyncio
import os
import resource
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


async def test_what_comes_while_the_file_is_replaced_is_in_the_new_one(tmp_path: Path) -> None:
    """A hundred ends come in while two are forgotten, at every moment of it."""
    path = tmp_path / "ends.jsonl"
    spool = Spool(path)
    await spool.append(make_end())
    await spool.append(make_end())
    late = [make_end() for _ in range(100)]

    async def come() -> None:
        for end in late:
            await spool.append(end)

    await asyncio.gather(come(), spool.clear(1), come_and_go(spool))
    assert Spool(path).read() == spool.read()
    assert {end.request_id for end in late} <= {end.request_id for end in spool.read()}
    assert (spool.count, spool.size_bytes) == (100, path.stat().st_size)


async def come_and_go(spool: Spool) -> None:
    """The second of two ends is forgotten a little later."""
    await asyncio.sleep(0)
    await spool.clear(1)


async def test_a_disk_that_is_full_leaves_no_torn_line_behind(tmp_path: Path) -> None:
    """The first end fits, the second does not, and after it the third is whole."""
    path, first, third = tmp_path / "ends.jsonl", make_end(), make_end()
    spool = Spool(path)
    await spool.append(first)
    size = path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            await spool.append(make_end())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (spool.count, spool.size_bytes) == (1, size)
    await spool.append(third)
    assert Spool(path).read() == [first, third]


async def test_an_end_is_on_disk_before_anybody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operating system was asked to write through as much as the file holds."""
    path = tmp_path / "ends.jsonl"
    spool = Spool(path)
    synced: list[int] = []
    real = os.fdatasync

    def watch(descriptor: int) -> None:
        real(descriptor)
        synced.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fdatasync", watch)
    await spool.append(make_end())
    assert synced == [path.stat().st_size]
    await spool.append(make_end())
    await spool.clear(1)
    assert synced[-1] == path.stat().st_size
