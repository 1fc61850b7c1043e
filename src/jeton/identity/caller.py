"""Caller: who a request comes from, as every later step needs to know it."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from jeton.identity.restricting.restrictions import Network


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of a key; ``workspace_id`` is None for admin keys and operators' only.

    An operator's key is of no organization: ``organization_id`` is all zeros, ``key_id`` the key's name.

    ``outage_cap_nano``: up to how much its requests are served while the database is away.
    ``overdue_number``: the document whose payment is so late that each answer says so. ``models`` and
    ``networks``: what its key is restricted to, None for nothing.
    """

    organization_id: UUID
    workspace_id: str | None
    key_id: str
    kind: Literal["api", "admin", "operator"]
    outage_cap_nano: int = 0
    overdue_number: str = ""
    models: frozenset[str] | None = None
    networks: tuple[Network, ...] | None = None
