"""Passwords: hashed with Argon2id (RFC 9106), off the event loop, a few at a time.

One hash takes 64 MiB and some 50 ms; CONCURRENT_MAX and WAITING_MAX bound what a flood of
sign-ins can take of memory and of patience.
"""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from jeton.errors import OverloadedError
from jeton.identity.errors import WeakPasswordError

PASSWORD_CHARS_MIN = 12
PASSWORD_CHARS_MAX = 256
CONCURRENT_MAX = 2
WAITING_MAX = 32


class Passwords:
    """Hashes and checks passwords; one instance a process, as it holds the bound."""

    def __init__(self) -> None:
        """Nothing is hashed before it is asked for."""
        self._hasher = PasswordHasher()
        self._slots = asyncio.Semaphore(CONCURRENT_MAX)
        self._waiting = 0
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """The Argon2id hash to store; WeakPasswordError, or OverloadedError when too many wait."""
        if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
            raise WeakPasswordError(
                len(password), length_min=PASSWORD_CHARS_MIN, length_max=PASSWORD_CHARS_MAX
            )
        return await self._off_loop_hash(password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is the hash's; None (no such member) takes as long and is false."""
        if len(password) > PASSWORD_CHARS_MAX:
            return False
        if password_hash is None:
            if self._decoy is None:
                self._decoy = await self._off_loop_hash(secrets.token_urlsafe())
            await self._off_loop_verify(self._decoy, password)
            return False
        return await self._off_loop_verify(password_hash, password)

    async def _off_loop_hash(self, password: str) -> str:
        self._enter()
        try:
            async with self._slots:
                return await asyncio.to_thread(self._hasher.hash, password)
        finally:
            self._waiting -= 1

    async def _off_loop_verify(self, password_hash: str, password: str) -> bool:
        self._enter()
        try:
            async with self._slots:
                return await asyncio.to_thread(self._verify, password_hash, password)
        finally:
            self._waiting -= 1

    def _enter(self) -> None:
        if self._waiting >= WAITING_MAX:
            sentence = f"{WAITING_MAX} people are signing in at this moment. Try again."
            raise OverloadedError(sentence)
        self._waiting += 1

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
