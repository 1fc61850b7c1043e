"""An outage (P11): nothing new is admitted, what is in flight is kept on disk and booked exactly once."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from msgspec.structs import replace as replace_ask

from jeton.app.observing.health import Health
from jeton.charging.charging import Charging
from jeton.charging.members import EndHold
from jeton.charging.outage.replaying import replay
from jeton.charging.outage.spool import Spool
from jeton.charging.words import Rule
from jeton.db.embedded import EmbeddedServer
from jeton.db.group_commit import PATIENCE_S
from jeton.db.migrating import migrate
from jeton.db.pool import open_pool
from jeton.errors import OverloadedError
from jeton.metering.labels import Labels

from .conftest import VALIDITY_S, House, open_house_on, open_writer
from .test_charging import TRIAL, V1_NANO, metered


@dataclass(frozen=True, slots=True)
class Outage:
    """A house on a database of its own, which can be killed and brought back at the same address."""

    house: House
    server: EmbeddedServer
    spool: Spool
    pid_path: Path

    def kill(self) -> None:
        """PostgreSQL with all its backends, as if the power went."""
        postmaster = int(self.pid_path.read_text().split()[0])
        backends = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in (postmaster, *map(int, backends)):
            os.kill(pid, signal.SIGKILL)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """PostgreSQL keeps its connections and says nothing, for as long as the block lasts."""
        postmaster = int(self.pid_path.read_text().split()[0])
        backends = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        pids = (postmaster, *map(int, backends))
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    @asynccontextmanager
    async def back(self) -> AsyncIterator[None]:
        """PostgreSQL again, for as long as the block lasts."""
        watch = asyncio.create_task(self.server.watch())
        await self.house.commits.wait_until_back()
        yield
        watch.cancel()


@pytest.fixture
async def outage(tmp_path: Path) -> AsyncIterator[Outage]:
    """Everything up."""
    server = EmbeddedServer(tmp_path / "data")
    database_url = await server.start()
    await migrate(database_url)
    pool = await open_pool(database_url)
    commits = open_writer(pool)
    spool = Spool(tmp_path / "spool" / "ends.jsonl")
    house = await open_house_on(pool, commits)
    charging = Charging(commits, node_id="node_test", validity_s=VALIDITY_S, spool=spool)
    pid_path = tmp_path / "data" / "postgres" / "postmaster.pid"
    yield Outage(replace(house, charging=charging), server, spool, pid_path)
    await commits.close()
    await spool.close()
    await pool.close()
    await server.stop()


async def test_what_is_in_flight_is_settled_exactly_once(outage: Outage) -> None:
    """Two held, the database goes, both end; it comes back, and replaying twice books each once."""
    house, spool = outage.house, outage.spool
    first = await house.charging.hold(house.ask(1_000_000_000))
    second = await house.charging.hold(house.ask(1_000_000_000))
    outage.kill()
    charge = await house.charging.settle(first, metered())
    assert (charge.state, charge.net_nano) == ("settled", V1_NANO)
    await house.charging.release(second, Rule.UPSTREAM_FAILED)
    with pytest.raises(OverloadedError):
        await house.charging.hold(house.ask(1))
    kept = spool.read()
    assert [end.request_id for end in kept] == [first.ask.request_id, second.ask.request_id]
    async with outage.back():
        await replay(house.pool, house.commits, spool)
        assert spool.count == 0
        for end in kept:
            await spool.append(end)
        await replay(house.pool, house.commits, spool)
        amounts = (await house.balance()).amounts
        assert (amounts.held_nano, amounts.used_nano) == (0, V1_NANO)
        assert amounts.available_nano == TRIAL - V1_NANO
        assert (await house.proof()).findings == []


async def test_a_silent_database_keeps_nobody_waiting_for_long(outage: Outage) -> None:
    """The first is refused after a few seconds, the next at once; what was in flight ends, booked once."""
    house, spool = outage.house, outage.spool
    held = await house.charging.hold(house.ask(1_000_000_000))
    assert await Health(house.pool, lambda: house.commits.is_away).is_well()
    with outage.silent():
        began = time.monotonic()
        with pytest.raises(OverloadedError):
            await house.charging.hold(house.ask(1_000_000))
        first_s = time.monotonic() - began
        with pytest.raises(OverloadedError):
            await house.charging.hold(house.ask(1_000_000))
        next_s = time.monotonic() - began - first_s
        assert not await Health(house.pool, lambda: house.commits.is_away).is_well()
        charge = await house.charging.settle(held, metered())
    # Nobody waits for PostgreSQL a second time; how busy this machine is says nothing of that.
    assert PATIENCE_S <= first_s < 3 * PATIENCE_S
    assert next_s < PATIENCE_S
    assert charge.net_nano == V1_NANO
    await house.commits.wait_until_back()
    await replay(house.pool, house.commits, spool)
    assert await Health(house.pool, lambda: house.commits.is_away).is_well()
    amounts = (await house.balance()).amounts
    # The first hold may have been taken after all: it was given back.
    assert (amounts.held_nano, amounts.used_nano) == (0, V1_NANO)
    assert (await house.proof()).findings == []


async def test_while_it_is_away_new_requests_are_refused_at_once(outage: Outage) -> None:
    """After the first has found out, none waits for the network and none is kept."""
    house = outage.house
    await house.charging.hold(house.ask(1))
    outage.kill()
    for _ in range(100):
        with pytest.raises(OverloadedError):
            await house.charging.hold(house.ask(1))
    assert house.commits.is_away
    assert outage.spool.count <= 1
    async with outage.back():
        await house.charging.hold(house.ask(1))
        await replay(house.pool, house.commits, outage.spool)
        assert (await house.proof()).findings == []


async def test_what_the_sweeper_gave_up_is_charged_when_it_becomes_known(
    house: House, tmp_path: Path
) -> None:
    """The hold ended as unconfirmed; later its node comes back with the usage, and replays it twice."""
    hold = await house.charging.hold(house.ask(1_000_000_000))
    ask = hold.ask
    swept = EndHold(ask.organization_id, ask.request_id, state="unconfirmed", rule=Rule.NODE_LOST)
    await house.commits.submit(swept)
    spool = Spool(tmp_path / "ends.jsonl")
    closed = open_writer(house.pool)
    await closed.close()
    away = Charging(closed, node_id="node_test", validity_s=VALIDITY_S, spool=spool)
    await away.settle(hold, metered())
    (end,) = spool.read()
    await replay(house.pool, house.commits, spool)
    await spool.append(end)
    await replay(house.pool, house.commits, spool)
    amounts = (await house.balance()).amounts
    assert (amounts.held_nano, amounts.used_nano, spool.count) == (0, V1_NANO, 0)
    assert (await house.proof()).findings == []


async def test_an_invoiced_organization_goes_on_up_to_its_cap(outage: Outage) -> None:
    """A cap of $1.00 does not fit two requests of $0.60 at once; what the first did cost is booked later."""
    house = outage.house
    await house.charging.hold(house.ask(1))
    outage.kill()
    with pytest.raises(OverloadedError):
        await house.charging.hold(house.ask(1))
    labels = Labels("ann", "chat")
    capped = replace_ask(house.ask(600_000_000), outage_cap_nano=1_000_000_000, labels=labels)
    hold = await house.charging.hold(capped)
    with pytest.raises(OverloadedError):
        await house.charging.hold(replace_ask(house.ask(600_000_000), outage_cap_nano=1_000_000_000))
    await house.charging.settle(hold, metered())
    another = await house.charging.hold(replace_ask(house.ask(900_000_000), outage_cap_nano=1_000_000_000))
    await house.charging.release(another, Rule.UPSTREAM_FAILED)
    assert house.charging.continuing.used_nano(house.organization_id) == V1_NANO
    async with outage.back():
        await replay(house.pool, house.commits, outage.spool)
        await replay(house.pool, house.commits, outage.spool)
        house.charging.continuing.start_again()
        assert house.charging.continuing.used_nano(house.organization_id) == 0
        assert (await house.balance()).amounts.used_nano == V1_NANO
        # What was spooled had labels, which its sums have too.
        async with house.pool.connection() as connection:
            cursor = await connection.execute("SELECT end_user, tag, net_nano FROM labelled_days")
            assert await cursor.fetchall() == [("ann", "chat", V1_NANO)]
        assert (await house.proof()).findings == []


async def test_a_replay_that_is_interrupted_forgets_nothing(house: House, tmp_path: Path) -> None:
    """The database is away again before anything was booked; the next replay books it."""
    hold = await house.charging.hold(house.ask(1_000_000_000))
    spool = Spool(tmp_path / "ends.jsonl")
    closed = open_writer(house.pool)
    await closed.close()
    away = Charging(closed, node_id="node_test", validity_s=VALIDITY_S, spool=spool)
    await away.settle(hold, metered())
    with pytest.raises(OverloadedError):
        await replay(house.pool, closed, spool)
    assert [end.request_id for end in Spool(tmp_path / "ends.jsonl").read()] == [hold.ask.request_id]
    await replay(house.pool, house.commits, spool)
    assert ((await house.balance()).amounts.used_nano, spool.count) == (V1_NANO, 0)
