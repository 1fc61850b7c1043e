"""Sign-in: from an e-mail and a password to a session, with a limit on guesses."""

import time
from collections import OrderedDict
from dataclasses import dataclass

from jeton.db.pool import Pool
from jeton.identity.errors import InvalidEmailError, TooManySignInsError, WrongPasswordError
from jeton.identity.members import find_member
from jeton.identity.names import parse_email
from jeton.identity.passwords import Passwords
from jeton.identity.sessions import open_session

EMAIL_FAILURES_MAX = 10
ADDRESS_FAILURES_MAX = 30
WINDOW_S = 900
WATCHED_MAX = 20_000


@dataclass(slots=True)
class _Failures:
    count: int
    ends_at: float


class SignInLimiter:
    """Counts failed sign-ins by e-mail and by address in this process; memory is bounded."""

    def __init__(self) -> None:
        """Start with no failures."""
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def check(self, email: str, address: str) -> None:
        """Raise TooManySignInsError while the e-mail or the address is over its limit."""
        for watched, failures_max in _watched(email, address):
            failures = self._failures.get(watched)
            if failures is None or failures.count < failures_max:
                continue
            wait_s = failures.ends_at - time.monotonic()
            if wait_s > 0:
                raise TooManySignInsError(failures_max, int(wait_s) + 1)
            del self._failures[watched]

    def record_failure(self, email: str, address: str) -> None:
        """Count one failure; the window starts with the first and does not move."""
        at = time.monotonic()
        for watched, _ in _watched(email, address):
            failures = self._failures.get(watched)
            if failures is None or failures.ends_at <= at:
                failures = self._failures[watched] = _Failures(0, at + WINDOW_S)
            failures.count += 1
            self._failures.move_to_end(watched)
        while len(self._failures) > WATCHED_MAX:
            self._failures.popitem(last=False)

    def record_success(self, email: str, address: str) -> None:
        """Forget an e-mail's failures, and of the address only the one counted for this attempt."""
        self._failures.pop(f"email {email}", None)
        failures = self._failures.get(f"address {address}")
        if failures is not None:
            failures.count -= 1


@dataclass(frozen=True, slots=True)
class SignIn:
    """The way in: one instance a process, as it holds the limits."""

    pool: Pool
    passwords: Passwords
    limiter: SignInLimiter

    async def open(self, email_text: str, password: str, *, address: str) -> str:
        """A new session's secret; WrongPasswordError, TooManySignInsError or OverloadedError."""
        try:
            email = parse_email(email_text)
        except InvalidEmailError:
            raise WrongPasswordError from None
        self.limiter.check(email, address)
        # Counted before the check and taken back after it, so that guesses made at the same
        # time cannot all pass the limit together.
        self.limiter.record_failure(email, address)
        async with self.pool.connection() as connection:
            member = await find_member(connection, email)
        password_hash = None if member is None else member.password_hash
        is_right = await self.passwords.verify(password_hash, password)
        if member is None or not is_right:
            raise WrongPasswordError
        self.limiter.record_success(email, address)
        async with self.pool.connection() as connection:
            return await open_session(connection, member.member_id)


def _watched(email: str, address: str) -> tuple[tuple[str, int], tuple[str, int]]:
    return (f"email {email}", EMAIL_FAILURES_MAX), (f"address {address}", ADDRESS_FAILURES_MAX)
