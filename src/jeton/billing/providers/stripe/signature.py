"""Signature: whether a webhook is Stripe's and of now, and what it says."""

from datetime import datetime

import msgspec
import stripe

from jeton.billing.providers.errors import SignatureError
from jeton.billing.providers.stripe.reading import (
    REFERENCE,
    Dispute,
    Intent,
    Page,
    Refund,
    read_dispute,
    read_instant,
    read_page_outcome,
    read_payment,
    read_refund,
)
from jeton.billing.providers.words import ProviderEvent

# https://docs.stripe.com/webhooks/signature: the default of the official libraries, both ways.
TOLERANCE_S = 300
BODY_CHARS_MAX = 1_000_000


class _Data(msgspec.Struct):
    object: msgspec.Raw


class _Event(msgspec.Struct):
    id: str
    type: str
    created: int
    data: _Data


class _Known(msgspec.Struct):
    id: str = ""
    object: str = ""


def parse_event(body: bytes, header: str, *, secret: str, at: datetime) -> ProviderEvent:
    """What a webhook says; SignatureError unless it was signed with ``secret`` within 300 s of ``at``."""
    try:
        stripe.WebhookSignature.verify_header(body, header, secret)
    except stripe.SignatureVerificationError:
        raise SignatureError("its signature is not of our secret.") from None
    except UnicodeDecodeError:
        raise SignatureError("its body is not text.") from None
    signed_at = _read_signed_at(header)
    if abs(at.timestamp() - signed_at) > TOLERANCE_S:
        raise SignatureError(f"it was signed more than {TOLERANCE_S} seconds from now.")
    try:
        event = msgspec.json.decode(body, type=_Event)
        known = msgspec.json.decode(event.data.object, type=_Known)
        return _read(event, known)
    except (msgspec.DecodeError, OverflowError, ValueError) as error:
        raise SignatureError(f"it is signed, but is no event: {error}") from None


def _read_signed_at(header: str) -> int:
    """The ``t`` of a header whose form the library has checked."""
    return int(next(part.split("=", 2)[1] for part in header.split(",") if part.startswith("t=")))


def _read(event: _Event, known: _Known) -> ProviderEvent:
    said = ProviderEvent(event.id, event.type[:100], read_instant(event.created), known.id[:255])
    raw = event.data.object
    fields = {name: getattr(said, name) for name in ("event_id", "type", "occurred_at", "object_id")}
    match known.object:
        case "payment_intent":
            return ProviderEvent(**fields, payment=read_payment(msgspec.json.decode(raw, type=Intent)))
        case "refund":
            return ProviderEvent(**fields, refund=read_refund(msgspec.json.decode(raw, type=Refund)))
        case "dispute":
            return ProviderEvent(**fields, dispute=read_dispute(msgspec.json.decode(raw, type=Dispute)))
        case "checkout.session":
            page = msgspec.json.decode(raw, type=Page)
            return ProviderEvent(
                **fields, page_reference=page.metadata.get(REFERENCE, ""), page=read_page_outcome(page)
            )
        case _:
            return said
