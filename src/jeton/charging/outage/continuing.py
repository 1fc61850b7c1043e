"""Continuing: organizations that are served while the database is away, each up to a cap a node.

Only invoiced organizations that the operator chose for it. Nothing is held in the database, so the
cap is all that bounds what they use; it counts what is under way at its most and what has ended
at its cost, and starts again once the spool is booked.
"""

from uuid import UUID

from jeton.charging.words import HoldAsk


class Continuing:
    """What each organization has used here since the database went away, in nano."""

    def __init__(self) -> None:
        """Nothing is used."""
        self._used: dict[UUID, int] = {}
        self._open: dict[str, HoldAsk] = {}

    def admit(self, ask: HoldAsk) -> bool:
        """Take the most a request may cost out of its organization's cap, if it fits."""
        used_nano = self.used_nano(ask.organization_id)
        if used_nano + ask.amount_nano > ask.outage_cap_nano:
            return False
        self._used[ask.organization_id] = used_nano + ask.amount_nano
        self._open[ask.request_id] = ask
        return True

    def used_nano(self, organization_id: UUID) -> int:
        """How much of its cap an organization has used on this node."""
        return self._used.get(organization_id, 0)

    def is_open(self, request_id: str) -> bool:
        """Whether this request runs without a hold in the database."""
        return request_id in self._open

    def end(self, ask: HoldAsk, net_nano: int) -> None:
        """Count what a request did cost in place of the most it could."""
        held = self._open.pop(ask.request_id)
        self._used[ask.organization_id] += net_nano - held.amount_nano

    def start_again(self) -> None:
        """Everything that has ended is booked: only what is under way still counts."""
        self._used = {}
        for ask in self._open.values():
            self._used[ask.organization_id] = self._used.get(ask.organization_id, 0) + ask.amount_nano
