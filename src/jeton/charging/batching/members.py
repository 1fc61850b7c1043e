"""Members: what can be asked of the books about a Message Batch, each idempotent by the ids in it.

A batch has one pool for each price version that its items run at: an open hold under the pool's id, out
of which those items are settled.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from jeton.charging.costing.rows import AttemptRow
from jeton.charging.words import ChargeState
from jeton.metering.contract import Rule
from jeton.metering.events import UsageEvent
from jeton.pricing.rating import Rating
from jeton.usage import Usage

POOL_PREFIX = "msgbatch"

ItemOutcome = Literal["succeeded", "errored", "canceled", "expired"]


class Pool(msgspec.Struct, frozen=True):
    """What is to be held for the items of one price version, which are under the same terms (nano).

    Those of an end user with a budget have a pool of their own; ``end_user`` is "" for all others together.
    """

    pool_id: str
    model: str
    price_version_id: str
    amount_nano: int
    terms_id: str | None = None
    end_user: str = ""


class TakePools(msgspec.Struct, frozen=True):
    """Hold the credit of a whole batch and begin it, or neither; the outcome is how much is held (nano).

    ``parted_for``: the end users that have a budget, as far as was known when its pools were made.
    """

    organization_id: UUID
    batch_id: str
    workspace_id: str
    key_id: str
    node_id: str
    pools: tuple[Pool, ...]
    taken_at: datetime
    valid_until: datetime
    tag: str = ""
    parted_for: frozenset[str] = frozenset()


class ItemCharge(msgspec.Struct, frozen=True):
    """How an item that an upstream was asked for is charged: at most ``bound_nano`` of its pool."""

    pool_id: str
    upstream: str
    is_rehearsal: bool
    bound_nano: int
    state: ChargeState
    rule: Rule
    usage: Usage | None = None
    rating: Rating | None = None
    event: UsageEvent | None = None
    attempts: tuple[AttemptRow, ...] = ()
    end_user: str = ""


class ItemEnd(msgspec.Struct, frozen=True):
    """The end of an item: its line of the results, and its charge unless no upstream was asked.

    ``position`` is its place in the chunk.
    """

    position: int
    request_id: str
    outcome: ItemOutcome
    line: bytes
    charge: ItemCharge | None = None


class SettleItems(msgspec.Struct, frozen=True):
    """Charge items of a chunk and write their results; those that have one are left as they are.

    The outcome is for how many of them a result was written.
    """

    organization_id: UUID
    batch_id: str
    chunk_no: int
    items: tuple[ItemEnd, ...]

    @property
    def pool_ids(self) -> frozenset[str]:
        """The pools that pay."""
        return frozenset(item.charge.pool_id for item in self.items if item.charge is not None)


class ReleasePools(msgspec.Struct, frozen=True):
    """Give back what is left of pools, and with ``is_end`` end their batch; the outcome is its nano."""

    organization_id: UUID
    batch_id: str
    pool_ids: tuple[str, ...]
    is_end: bool = False


BatchMember = TakePools | SettleItems | ReleasePools


def pool_ids_of(member: BatchMember) -> tuple[str, ...]:
    """The holds that a member is about."""
    match member:
        case TakePools():
            return tuple(pool.pool_id for pool in member.pools)
        case SettleItems():
            return tuple(member.pool_ids)
        case ReleasePools():
            return member.pool_ids


def make_pool_id(batch_id: str, number: int) -> str:
    """The id of a batch's pool."""
    return f"{batch_id}_{number}"


def batch_of_pool(pool_id: str) -> str:
    """The batch that a pool belongs to."""
    return pool_id.rpartition("_")[0]
