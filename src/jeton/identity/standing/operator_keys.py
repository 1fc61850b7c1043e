"""Operator keys: secrets of the settings by which programs of the operator act, each under a name."""

from collections.abc import Iterable
from hashlib import sha256
from uuid import UUID

from jeton.identity.caller import Caller

# What an operator does is of no organization until it says which.
NO_ORGANIZATION = UUID(int=0)


class OperatorKeys:
    """The keys by the digest of their secret, so that how long a look takes tells nothing of it."""

    def __init__(self, keys: Iterable[tuple[str, str]] = ()) -> None:
        """``keys``: names, which stand in the audit log, with their secrets."""
        self._names = {_digest(secret): name for name, secret in keys}

    def find(self, secret: str) -> Caller | None:
        """Who holds this secret, if it is an operator's."""
        name = self._names.get(_digest(secret)) if secret else None
        return None if name is None else Caller(NO_ORGANIZATION, None, name, "operator")


def _digest(secret: str) -> bytes:
    return sha256(secret.encode(errors="surrogateescape")).digest()
