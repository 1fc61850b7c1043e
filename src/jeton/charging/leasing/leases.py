"""Leases: what this node may promise without asking the database.

An organization that sends many requests gets a lease of about a second's worth of its holds; its
requests are then admitted from memory while their rows travel with the next commit. One that
grows quiet gives its lease back within two seconds. A lease is left before it runs out, since the
sweeper of any node may end it after that.
"""

import asyncio
from collections import OrderedDict
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import structlog

from jeton import clock
from jeton.charging.members import LEASE_PREFIX, LeaseTerms, Member, Outcome, ReturnLease, TakeLease
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import CONNECT_TIMEOUT_S, Connection, Pool, connect_like
from jeton.errors import JetonError, OverloadedError
from jeton.ids import new_id

# So many holds in one look, a second apart, make an organization busy enough for a lease.
BUSY_HOLDS = 20
LOOK_INTERVAL_S = 1
VALIDITY_S = 15
# A lease is not used in its last seconds, and extended before them.
MARGIN_S = 3
RENEWAL_S = 8
ORGANIZATIONS_MAX = 1024
CHANNEL = "jeton_leases"
RECALL_WAITS_MS = (20, 80, 200)

_OTHERS_LEASES = """
    SELECT EXISTS (SELECT FROM holds
                   WHERE organization_id = %s AND request_id LIKE 'lease\\_%%' AND node_id <> %s)
"""

_AWAY = "The database is away and nothing was written: send the request again in a moment."

_log = structlog.get_logger(__name__)


class _Account:
    """What this node knows of one organization's demand, and its lease if it has one."""

    __slots__ = (
        "asked_nano",
        "holds",
        "is_asking",
        "lease_id",
        "left_nano",
        "since_nano",
        "stray_id",
        "valid_until",
    )

    def __init__(self) -> None:
        self.holds = 0
        self.asked_nano = 0
        self.lease_id = ""
        # A lease of which it is not known whether it went back.
        self.stray_id = ""
        self.left_nano = 0
        self.valid_until: datetime | None = None
        self.is_asking = False
        # Promised after the latest question was sent, so its answer does not know of it.
        self.since_nano = 0


class Leases:
    """The leases of one node; ``run`` keeps them in step with the demand."""

    def __init__(self, pool: Pool, commits: GroupCommit[Member, Outcome], *, node_id: str) -> None:
        """Nothing is leased."""
        self._pool = pool
        self._commits = commits
        self._node_id = node_id
        self._accounts: OrderedDict[UUID, _Account] = OrderedDict()

    def promise(self, organization_id: UUID, amount_nano: int, at: datetime) -> str:
        """The lease that covers a hold of this amount, which is taken out of it; "" if none does."""
        account = self._accounts.get(organization_id)
        if account is None:
            account = self._accounts[organization_id] = _Account()
            if len(self._accounts) > ORGANIZATIONS_MAX:
                self._forget_one()
        account.holds += 1
        account.asked_nano += amount_nano
        if account.left_nano < amount_nano or account.valid_until is None or at >= account.valid_until:
            return ""
        account.left_nano -= amount_nano
        account.since_nano += amount_nano
        return account.lease_id

    async def recall(self, organization_id: UUID) -> bool:
        """Have the leases of this organization given back, here and elsewhere.

        False when there were none, so that another try would be refused as well. Raises OverloadedError.
        """
        was_here = await self.give_back(organization_id)
        try:
            async with self._pool.connection() as connection:
                row = await (
                    await connection.execute(_OTHERS_LEASES, (organization_id, self._node_id))
                ).fetchone()
                if row is None or not row[0]:
                    return was_here
                await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(organization_id)))
        except psycopg.OperationalError as problem:
            # Without an answer nobody can say that the credit does not suffice.
            raise OverloadedError(_AWAY) from problem
        return True

    async def give_back(self, organization_id: UUID) -> bool:
        """Give this node's lease back; whether there was one."""
        account = self._accounts.get(organization_id)
        if account is None or not account.lease_id:
            return False
        lease_id, account.lease_id = account.lease_id, ""
        account.left_nano, account.valid_until = 0, None
        try:
            await self._commits.submit(ReturnLease(organization_id, lease_id))
        except JetonError:
            # The next look tries again: until then, or until it is swept, its credit is nobody's.
            account.stray_id = lease_id
            raise
        return True

    async def run(self) -> None:
        """Look at the demand every second for ever: grow, extend, give back."""
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            await self.look()

    async def look(self) -> None:
        """Have every lease follow the demand since the last look."""
        for organization_id, account in [*self._accounts.items()]:
            try:
                await self._look(organization_id, account)
            except (JetonError, psycopg.Error) as problem:
                account.left_nano, account.valid_until = 0, None
                _log.warning("lease_failed", organization_id=str(organization_id), problem=str(problem))

    async def listen(self) -> None:
        """Give back what other nodes recall, for ever; a lost connection is opened again.

        Should a recall be missed, the node gives back what it does not use all the same.
        """
        while True:
            try:
                connection = await connect_like(self._pool, timeout_s=CONNECT_TIMEOUT_S)
            except psycopg.OperationalError:
                await asyncio.sleep(LOOK_INTERVAL_S)
                continue
            try:
                await self._listen_on(connection)
            except (psycopg.OperationalError, OverloadedError) as problem:
                _log.warning("lease_listener_lost", problem=str(problem))
            finally:
                await connection.close()

    async def close(self) -> None:
        """Give everything back."""
        for organization_id in [*self._accounts]:
            try:
                await self.give_back(organization_id)
            except JetonError:
                # The database is away; the sweeper ends the lease after its validity.
                return

    async def _listen_on(self, connection: Connection) -> None:
        await connection.set_autocommit(True)
        await connection.execute(f"LISTEN {CHANNEL}")
        async for notice in connection.notifies():
            await self.give_back(UUID(notice.payload))

    async def _look(self, organization_id: UUID, account: _Account) -> None:
        holds, asked_nano = account.holds, account.asked_nano
        account.holds = account.asked_nano = 0
        if account.stray_id:
            await self._commits.submit(ReturnLease(organization_id, account.stray_id))
            account.stray_id = ""
        if holds >= BUSY_HOLDS:
            await self._grow(organization_id, account, asked_nano)
        elif account.lease_id:
            await self.give_back(organization_id)
        elif not holds:
            self._accounts.pop(organization_id, None)

    async def _grow(self, organization_id: UUID, account: _Account, wanted_nano: int) -> None:
        at = clock.now()
        is_fresh = account.valid_until is not None and account.valid_until > at + timedelta(seconds=RENEWAL_S)
        if is_fresh and account.left_nano >= wanted_nano:
            return
        account.lease_id = account.lease_id or new_id(LEASE_PREFIX)
        valid_until = at + timedelta(seconds=VALIDITY_S)
        account.since_nano = 0
        ask = TakeLease(
            organization_id,
            account.lease_id,
            self._node_id,
            wanted_nano=wanted_nano,
            taken_at=at,
            valid_until=valid_until,
        )
        lease_id = account.lease_id
        outcome = await self._commits.submit(ask)
        if account.lease_id != lease_id:
            # It was recalled meanwhile.
            return
        terms = outcome if isinstance(outcome, LeaseTerms) else LeaseTerms(0, at)
        account.left_nano = max(0, terms.left_nano - account.since_nano)
        account.valid_until = terms.valid_until - timedelta(seconds=MARGIN_S)
        if not terms.left_nano:
            account.lease_id, account.valid_until = "", None

    def _forget_one(self) -> None:
        """Room for another organization: the oldest without a lease goes."""
        for organization_id, account in self._accounts.items():
            if not account.lease_id:
                del self._accounts[organization_id]
                return
