"""Credentials: how secrets are made, shown and recognized. A secret itself is never stored.

Keys and session secrets carry 256 random bits, so one round of SHA-256 is enough to store them
by, and looking a digest up tells nothing about neighbouring secrets: no byte of a secret is
ever compared with another.
"""

import hashlib
import secrets
from typing import Literal

KeyKind = Literal["api", "admin"]

KEY_PREFIX = "sk-jtn-"
_SECRET_BYTES = 32
_HINT_CHARS = 4
SECRET_CHARS_MAX = 256


def new_key_secret(kind: KeyKind) -> str:
    """A new key such as ``sk-jtn-api-…``: the prefix of its kind and 256 random bits."""
    return f"{KEY_PREFIX}{kind}-{secrets.token_urlsafe(_SECRET_BYTES)}"


def new_session_secret() -> str:
    """The secret of a session's cookie: 256 random bits."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> bytes:
    """The SHA-256 under which a secret is stored and found."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def hint_of(secret: str, kind: KeyKind) -> str:
    """What is shown of a key ever after: ``sk-jtn-api-…7Qfa``."""
    return f"{KEY_PREFIX}{kind}-…{secret[-_HINT_CHARS:]}"
