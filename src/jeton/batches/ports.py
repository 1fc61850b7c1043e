"""Ports: what batches need of those who know the Messages API: may an item run, and what came of asking."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from jeton.batches.items import BatchHead, Problem
from jeton.charging.words import Metered, Rule
from jeton.pricing.book import PriceVersion
from jeton.pricing.rating import Conditions
from jeton.pricing.terms import Terms
from jeton.upstreams.attempts import Attempt
from jeton.upstreams.interface import MessagesRequest


class Bounded(msgspec.Struct, frozen=True):
    """The price and the terms that an item runs under, and the most it can come to at batch prices (nano)."""

    version: PriceVersion
    amount_nano: int
    terms: Terms | None = None
    end_user: str = ""


class ItemAsk(msgspec.Struct, frozen=True):
    """An item that may be asked: of whom, at which price; ``attempts`` is filled by asking."""

    head: BatchHead
    request_id: str
    request: MessagesRequest
    body: bytes
    headers: Mapping[str, str]
    upstream: str
    is_rehearsal: bool
    version: PriceVersion
    asked: Conditions
    attempts: list[Attempt] = msgspec.field(default_factory=list)
    end_user: str = ""


class Answered(msgspec.Struct, frozen=True):
    """What came of asking: the message, or a problem; and how the item's hold ends.

    ``as_billed`` is the ending under the tier that the upstream names, by which the operator pays.
    ``may_retry`` says that the same may succeed a moment later, and that nothing was answered yet.
    """

    upstream: str
    ending: Metered | Rule
    message: bytes | None = None
    problem: Problem | None = None
    may_retry: bool = False
    as_billed: Metered | Rule | None = None


class Judge(Protocol):
    """Who knows the Messages API, the models served here and their prices."""

    def bound(self, params: bytes, head: BatchHead, *, at: datetime) -> Bounded:
        """Check an item and bound its cost; raises JetonError with the reason why it cannot run."""
        ...

    def prepare(
        self,
        params: bytes,
        head: BatchHead,
        *,
        request_id: str,
        version: PriceVersion,
        terms: Terms | None = None,
    ) -> ItemAsk:
        """Make an item ready to be asked, priced as it was held; raises JetonError."""
        ...

    async def ask(self, ask: ItemAsk) -> Answered:
        """Ask an upstream once; never raises a JetonError."""
        ...

    def describe(self, error: Exception) -> Problem:
        """An error as the Messages API names it."""
        ...
