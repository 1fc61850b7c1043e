"""Limits: how often one may try to sign in, by e-mail and by network, in this process; memory is bounded."""

import ipaddress
import time
from collections import OrderedDict
from dataclasses import dataclass

from jeton.identity.errors import TooManySignInsError

EMAIL_FAILURES_MAX = 10
ADDRESS_FAILURES_MAX = 30
# Mails with a link, and attempts with one.
EMAIL_LINKS_MAX = 5
ADDRESS_LINKS_MAX = 30
# Questions to authenticators that were not answered, of a network behind which a whole office may sit.
ADDRESS_PASSKEYS_MAX = 60
WINDOW_S = 900
WATCHED_MAX = 20_000

# One person has a whole network of IPv6 addresses.
_IPV6_PREFIX = 64


@dataclass(slots=True)
class _Attempts:
    count: int
    ends_at: float


class SignInLimiter:
    """Counts attempts by e-mail and by network until a window ends."""

    def __init__(
        self, *, email_max: int = EMAIL_FAILURES_MAX, address_max: int = ADDRESS_FAILURES_MAX
    ) -> None:
        """Start with no attempts."""
        self._email_max = email_max
        self._address_max = address_max
        self._attempts: OrderedDict[str, _Attempts] = OrderedDict()

    def check(self, email: str, address: str) -> None:
        """Raise TooManySignInsError while the e-mail or the network is over its limit."""
        for watched, attempts_max in self._list_watched(email, address):
            attempts = self._attempts.get(watched)
            if attempts is None or attempts.count < attempts_max:
                continue
            wait_s = attempts.ends_at - time.monotonic()
            if wait_s > 0:
                raise TooManySignInsError(attempts_max, int(wait_s) + 1)
            del self._attempts[watched]

    def record_failure(self, email: str, address: str) -> None:
        """Count one attempt; the window starts with the first and does not move."""
        at = time.monotonic()
        for watched, _ in self._list_watched(email, address):
            attempts = self._attempts.get(watched)
            if attempts is None or attempts.ends_at <= at:
                attempts = self._attempts[watched] = _Attempts(0, at + WINDOW_S)
            attempts.count += 1
            self._attempts.move_to_end(watched)
        while len(self._attempts) > WATCHED_MAX:
            self._attempts.popitem(last=False)

    def record_success(self, email: str, address: str) -> None:
        """Forget an e-mail's attempts, and of the network only the one counted for this attempt."""
        self._attempts.pop(f"email {email}", None)
        attempts = self._attempts.get(f"network {find_network(address)}")
        if attempts is not None:
            attempts.count -= 1

    def _list_watched(self, email: str, address: str) -> list[tuple[str, int]]:
        """An empty e-mail is nobody's, and is not watched."""
        network = (f"network {find_network(address)}", self._address_max)
        return [(f"email {email}", self._email_max), network] if email else [network]


def find_network(address: str) -> str:
    """Whom an address counts for: itself, or its /64 where it is an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
