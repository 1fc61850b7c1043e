"""Opening: the provider that the settings name, imported when it is first needed and not before.

The official package takes a third of a second to import, which a server that takes no cards should not
spend at its start, and one that does should not spend while requests wait: so it is done in a thread.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from jeton.billing.providers.errors import NoProviderError
from jeton.billing.providers.provider import Provider

TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class StripeAccess:
    """How Stripe is reached: a key, the secret of its webhooks, and another address than theirs."""

    secret_key: str
    webhook_secret: str
    base_url: str = ""
    timeout_s: int = TIMEOUT_S


class ProviderDoor:
    """Opens the provider once; every caller gets the same one."""

    def __init__(self, access: StripeAccess | None) -> None:
        """Without ``access`` there is no provider."""
        self._access = access
        self._provider: Provider | None = None
        self._lock = asyncio.Lock()

    @property
    def is_there(self) -> bool:
        """Whether cards can be taken at all."""
        return self._access is not None

    async def open(self) -> Provider:
        """The provider; NoProviderError where none is configured."""
        if self._access is None:
            raise NoProviderError
        async with self._lock:
            if self._provider is None:
                self._provider = await asyncio.to_thread(_make_stripe(self._access))
        return self._provider


def _make_stripe(access: StripeAccess) -> Callable[[], Provider]:
    def make() -> Provider:
        from jeton.billing.providers.stripe.client import StripeProvider  # noqa: PLC0415 - see above

        return StripeProvider(
            access.secret_key, access.webhook_secret, base_url=access.base_url, timeout_s=access.timeout_s
        )

    return make
