"""Members: what a node can ask of the books about its leases."""

from datetime import datetime
from uuid import UUID

import msgspec

LEASE_PREFIX = "lease"


class LeaseTerms(msgspec.Struct, frozen=True):
    """What a lease holds (nano), and until when; 0 where direct holds are the right way."""

    left_nano: int
    valid_until: datetime


class TakeLease(msgspec.Struct, frozen=True):
    """Set credit aside for a node, or add to what it has: up to ``wanted_nano`` in all.

    The outcome is its terms.
    """

    organization_id: UUID
    lease_id: str
    node_id: str
    wanted_nano: int
    taken_at: datetime
    valid_until: datetime


class ReturnLease(msgspec.Struct, frozen=True):
    """Give back what is left of a lease; idempotent, the outcome is how much that was."""

    organization_id: UUID
    lease_id: str
