"""The key ring: from a secret to its caller, in memory, without ever trusting a revoked key.

Every change of a key's row is announced by PostgreSQL (``NOTIFY jeton_keys``, payload: the
digest in hex). While ``run`` hears these announcements, answers come from memory. While it does
not, every answer comes from the database. So a revocation takes effect when it is announced,
and at the latest after TRUST_S, when a silent break of the connection has been noticed.

One exception: organizations that are served while the database is away keep their keys as they
were last known, because then nobody can be asked.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import psycopg

from jeton import clock
from jeton.db.pool import Connection, Pool
from jeton.errors import OverloadedError
from jeton.identity.caller import Caller
from jeton.identity.credentials import SECRET_CHARS_MAX, digest_of
from jeton.identity.errors import (
    ExpiredKeyError,
    MissingKeyError,
    PausedKeyError,
    RevokedKeyError,
    RotatedKeyError,
    UnknownKeyError,
    WorkspaceArchivedError,
)
from jeton.identity.key_life.stopping import CHANNEL, STOP
from jeton.identity.key_life.uses import KeyUses
from jeton.identity.restricting.restrictions import parse_network
from jeton.identity.standing.errors import OrganizationSuspendedError, PaymentOverdueError

KEYS_KEPT_MAX = 50_000
UNKNOWN_KEPT_MAX = 10_000
UNKNOWN_LIFE_S = 10
HEARTBEAT_S = 2
HEARTBEAT_TIMEOUT_S = 2
TRUST_S = 5
RECONNECT_DELAY_S = 1
# Requests wait for it; after a failure nobody asks again for a moment.
LOOK_UP_TIMEOUT_S = 2.0
AWAY_LIFE_S = 1.0

_AWAY = "Keys cannot be checked now: the database is away. Try again."
_FIND_KEY = """
    SELECT k.organization_id, k.workspace_id, k.key_id, k.kind, o.outage_cap_nano, k.expires_at, k.revoked_at,
           k.paused_at, CASE WHEN k.digest <> %(digest)s THEN k.previous_until END AS replaced_at,
           w.archived_at, o.suspended_at, CASE WHEN o.arrears = 'stopped' THEN o.arrears_sentence ELSE '' END,
           CASE WHEN o.arrears = 'limited' THEN o.arrears_number ELSE '' END, k.models, k.networks
    FROM api_keys AS k JOIN organizations AS o USING (organization_id)
    LEFT JOIN workspaces AS w ON w.workspace_id = k.workspace_id
    WHERE k.digest = %(digest)s OR k.previous_digest = %(digest)s
"""

_Value = TypeVar("_Value")
_OnStop = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class _KnownKey:
    """A key's row; ``replaced_at`` is the end of a secret that was rotated out."""

    caller: Caller
    expires_at: datetime | None
    revoked_at: datetime | None
    paused_at: datetime | None
    replaced_at: datetime | None
    archived_at: datetime | None
    suspended_at: datetime | None
    # Why its organization's requests are refused until it has paid; '' where they are not.
    stopped_sentence: str


class KeyRing:
    """Callers by the digest of their key: a bounded memory over the table ``api_keys``."""

    def __init__(self, pool: Pool) -> None:
        """Start empty and deaf: until ``run`` listens, every answer comes from the database."""
        self._pool = pool
        self.uses = KeyUses()
        # Called with the id of a key whose requests in flight are to end, on every node.
        self.on_stop: _OnStop = str
        self._known: OrderedDict[bytes, _KnownKey] = OrderedDict()
        self._unknown: OrderedDict[bytes, float] = OrderedDict()
        self._kept_for_outage: OrderedDict[bytes, _KnownKey] = OrderedDict()
        self._away_until = 0.0
        self._trusted_until = 0.0
        self._announcements = 0

    @property
    def is_listening(self) -> bool:
        """Whether announcements are heard, so that memory may answer."""
        return time.monotonic() < self._trusted_until

    async def authenticate(self, secret: str) -> Caller:
        """The caller of a key; a NotAuthenticatedError, or OverloadedError without a database."""
        if not secret:
            raise MissingKeyError
        if len(secret) > SECRET_CHARS_MAX:
            raise UnknownKeyError
        digest = digest_of(secret)
        known = self._recall(digest) if self.is_listening else None
        caller = _admit(known or await self._look_up(digest))
        self.uses.record(caller.key_id)
        return caller

    def note_model(self, caller: Caller, model: str, *, address: str) -> None:
        """Note what a caller who was let in asks for, and from where."""
        self.uses.record_model(caller.key_id, model, address=address)

    async def run(self) -> None:
        """Listen until cancelled; after a break, forget everything and listen again."""
        while True:
            try:
                async with self._pool.connection() as connection:
                    await self._listen(connection)
            except (psycopg.Error, TimeoutError):
                # The listening connection is gone. What it would have said is unknown, so
                # nothing that is remembered may be used.
                self._forget_all()
            await asyncio.sleep(RECONNECT_DELAY_S)

    async def _listen(self, connection: Connection) -> None:
        try:
            await connection.set_autocommit(True)
            await connection.execute(f"LISTEN {CHANNEL}")
            self._forget_all()
            while True:
                self._trusted_until = time.monotonic() + TRUST_S
                async for announcement in connection.notifies(timeout=HEARTBEAT_S, stop_after=1):
                    self._forget(announcement.payload)
                # A silent peer is not a quiet one: only an answer proves that we would hear.
                async with asyncio.timeout(HEARTBEAT_TIMEOUT_S):
                    await connection.execute("SELECT 1")
        finally:
            self._forget_all()
            # A connection that still listens must not go back to the pool.
            await connection.close()

    def _recall(self, digest: bytes) -> _KnownKey | None:
        known = self._known.get(digest)
        if known is not None:
            self._known.move_to_end(digest)
            return known
        unknown_until = self._unknown.get(digest)
        if unknown_until is not None and time.monotonic() < unknown_until:
            raise UnknownKeyError
        return None

    async def _look_up(self, digest: bytes) -> _KnownKey:
        announcements = self._announcements
        try:
            known = await self._find_in_database(digest)
        except OverloadedError:
            kept = self._kept_for_outage.get(digest)
            if kept is None:
                raise
            return kept
        # An announcement between our read and now may be about this very key, and would find
        # nothing to forget: then the answer serves this one request and is not kept.
        if self.is_listening and announcements == self._announcements:
            if known is None:
                until = time.monotonic() + UNKNOWN_LIFE_S
                _keep(self._unknown, digest, until, kept_max=UNKNOWN_KEPT_MAX)
            else:
                _keep(self._known, digest, known, kept_max=KEYS_KEPT_MAX)
        if known is None:
            self._kept_for_outage.pop(digest, None)
            raise UnknownKeyError
        if known.caller.outage_cap_nano:
            _keep(self._kept_for_outage, digest, known, kept_max=KEYS_KEPT_MAX)
        return known

    async def _find_in_database(self, digest: bytes) -> _KnownKey | None:
        if time.monotonic() < self._away_until:
            raise OverloadedError(_AWAY)
        try:
            # The pool's own limit is for its queue: a database that is silent would be waited for beyond it.
            async with asyncio.timeout(LOOK_UP_TIMEOUT_S), self._pool.connection() as connection:
                row = await (await connection.execute(_FIND_KEY, {"digest": digest})).fetchone()
        except (psycopg.OperationalError, TimeoutError) as error:
            self._away_until = time.monotonic() + AWAY_LIFE_S
            raise OverloadedError(_AWAY) from error
        if row is None:
            return None
        organization_id, workspace_id, key_id, kind, cap_nano, *standing, overdue_number = row[:-2]
        models, networks = row[-2:]
        caller = Caller(
            organization_id,
            workspace_id,
            key_id,
            kind,
            outage_cap_nano=cap_nano,
            overdue_number=overdue_number,
            models=None if models is None else frozenset(models),
            networks=None if networks is None else tuple(map(parse_network, networks)),
        )
        return _KnownKey(caller, *standing)

    def _forget(self, payload: str) -> None:
        self._announcements += 1
        try:
            digest = bytes.fromhex(payload)
        except ValueError:
            if payload.startswith(STOP):
                self.on_stop(payload.removeprefix(STOP))
                return
            # An organization's policy, a workspace, or not one of ours; forgetting too much is never wrong.
            self._forget_all()
            self._kept_for_outage.clear()
            return
        self._known.pop(digest, None)
        self._kept_for_outage.pop(digest, None)
        self._unknown.pop(digest, None)

    def _forget_all(self) -> None:
        self._announcements += 1
        self._trusted_until = 0.0
        self._known.clear()
        self._unknown.clear()


def _admit(known: _KnownKey) -> Caller:
    caller = known.caller
    if known.revoked_at is not None:
        raise RevokedKeyError(caller.key_id, known.revoked_at)
    if known.expires_at is not None and known.expires_at <= clock.now():
        raise ExpiredKeyError(caller.key_id, known.expires_at)
    if known.replaced_at is not None and known.replaced_at <= clock.now():
        raise RotatedKeyError(caller.key_id, known.replaced_at)
    if known.archived_at is not None and caller.workspace_id is not None:
        raise WorkspaceArchivedError(caller.workspace_id, known.archived_at)
    if known.paused_at is not None:
        raise PausedKeyError(caller.key_id)
    # An admin key sends no requests to models: with it one may still see what happened.
    if known.suspended_at is not None and caller.kind == "api":
        raise OrganizationSuspendedError(known.suspended_at)
    if known.stopped_sentence and caller.kind == "api":
        raise PaymentOverdueError(known.stopped_sentence)
    return caller


def _keep(kept: OrderedDict[bytes, _Value], digest: bytes, value: _Value, *, kept_max: int) -> None:
    kept[digest] = value
    kept.move_to_end(digest)
    if len(kept) > kept_max:
        kept.popitem(last=False)
