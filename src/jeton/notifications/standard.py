"""Standard Webhooks 1.0.0: secrets, signed headers, and when a failed delivery is tried again."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from standardwebhooks import Webhook

SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105 - how every secret begins

# The specification's schedule: how long after one attempt the next one is made. 75 hours in all.
DELAYS_S = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
ATTEMPTS_MAX = len(DELAYS_S)
# Up to a tenth is added by chance, so that what failed together does not come back together.
JITTER = 0.1
# A receiver may ask for more time with Retry-After, but not for more than this.
RETRY_AFTER_MAX_S = 86_400


def new_secret() -> str:
    """A new secret such as ``whsec_…``: 256 random bits."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(secrets_: Sequence[str], event_id: str, *, at: datetime, body: bytes) -> Mapping[str, str]:
    """The headers of an attempt made at ``at``; the id stays the same for every attempt.

    There is a signature for each secret, and a receiver takes any that it can check: so a secret can be
    replaced without a gap.
    """
    text = body.decode()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(event_id, at, text) for secret in secrets_),
    }


def find_next_attempt(
    attempts: int, *, at: datetime, jitter: float, retry_after_s: int = 0
) -> datetime | None:
    """When to try again after ``attempts`` failed ones, the last at ``at``; None after the last.

    ``jitter`` is a random number from 0 to 1.
    """
    if attempts >= ATTEMPTS_MAX:
        return None
    delay_s = DELAYS_S[attempts] * (1 + JITTER * jitter)
    return at + timedelta(seconds=max(delay_s, min(retry_after_s, RETRY_AFTER_MAX_S)))
