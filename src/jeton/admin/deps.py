"""Deps: what the admin routes are given by the composition root."""

from dataclasses import dataclass

from jeton.db.pool import Pool
from jeton.identity.key_ring import KeyRing


@dataclass(frozen=True, slots=True)
class AdminDeps:
    """A pool to ask and the ring that knows the callers."""

    pool: Pool
    key_ring: KeyRing
