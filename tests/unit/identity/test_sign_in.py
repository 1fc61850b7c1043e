"""The limiter of sign-ins: what it counts, what it forgets, what it never exceeds."""

import pytest

from jeton.identity.errors import TooManySignInsError
from jeton.identity.signing.limits import (
    ADDRESS_FAILURES_MAX,
    EMAIL_FAILURES_MAX,
    WATCHED_MAX,
    SignInLimiter,
)


def test_an_e_mail_is_limited_from_every_address() -> None:
    limiter = SignInLimiter()
    for number in range(EMAIL_FAILURES_MAX):
        limiter.check("ada@example.com", f"192.0.2.{number}")
        limiter.record_failure("ada@example.com", f"192.0.2.{number}")
    with pytest.raises(TooManySignInsError):
        limiter.check("ada@example.com", "198.51.100.1")
    limiter.check("bob@example.com", "192.0.2.1")


def test_an_address_is_limited_for_every_e_mail() -> None:
    limiter = SignInLimiter()
    for number in range(ADDRESS_FAILURES_MAX):
        limiter.record_failure(f"user{number}@example.com", "192.0.2.1")
    with pytest.raises(TooManySignInsError):
        limiter.check("ada@example.com", "192.0.2.1")
    limiter.check("ada@example.com", "192.0.2.2")


def test_a_success_forgets_the_failures_of_the_e_mail_but_not_of_the_address() -> None:
    limiter = SignInLimiter()
    for _ in range(EMAIL_FAILURES_MAX):
        limiter.record_failure("ada@example.com", "192.0.2.1")
    limiter.record_success("ada@example.com", "192.0.2.1")
    limiter.check("ada@example.com", "192.0.2.1")
    for _ in range(ADDRESS_FAILURES_MAX - EMAIL_FAILURES_MAX + 1):
        limiter.record_failure("bob@example.com", "192.0.2.1")
    with pytest.raises(TooManySignInsError):
        limiter.check("ada@example.com", "192.0.2.1")


def test_memory_is_bounded_however_many_addresses_come() -> None:
    limiter = SignInLimiter()
    for number in range(WATCHED_MAX):
        limiter.record_failure(f"user{number}@example.com", f"address {number}")
    assert len(limiter._attempts) == WATCHED_MAX
