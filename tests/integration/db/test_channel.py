"""Channel: what becomes of its socket when the connection is lost."""

import asyncio
import os
import socket
from pathlib import Path

from jeton.db.channel import Channel
from jeton.db.pool import Pool


async def test_closing_a_lost_channel_leaves_the_next_owner_of_its_number_alone(pool: Pool) -> None:
    # libpq gives the number of its socket back when the connection is lost, and the next request that
    # comes in gets it. A server that was killed took down the writer of all commits once, by that number.
    async with pool.connection() as connection:
        channel = Channel(connection)
        number = connection.pgconn.socket
        connection.pgconn.finish()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            os.dup2(ours.fileno(), number)
            heard = asyncio.Event()
            asyncio.get_running_loop().add_reader(number, heard.set)
            channel.close()
            theirs.send(b"x")
            await asyncio.wait_for(heard.wait(), 5)
            asyncio.get_running_loop().remove_reader(number)
            if number not in {ours.fileno(), theirs.fileno()}:
                os.close(number)


async def test_a_channel_gives_its_number_back_once(pool: Pool) -> None:
    async with pool.connection() as connection:
        before = _open_numbers()
        channel = Channel(connection)
        assert await channel.fetch("SELECT 1") == [(b"1",)]
        channel.close()
        channel.close()
        assert _open_numbers() <= before


def _open_numbers() -> set[str]:
    # The listing itself takes a number, which is gone when the list is read.
    listed = {entry.name for entry in Path("/proc/self/fd").iterdir()}
    return {name for name in listed if Path(f"/proc/self/fd/{name}").exists()}
