"""Digest: a receipt's own name, by which a copy that somebody kept is told from another one. Pure.

It covers what never changes once a charge has ended: whose it was, what was used, the lines, which lots paid,
and the transactions with their places in the chain of hashes. What is said of the charge later (a reversal,
today's prices, the expiry of a lot, the sentences) is not in it.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

import msgspec

PREFIX = "sha256:"
SEALED = (
    *("request_id", "organization_id", "workspace_id", "api_key_id", "model", "upstream", "currency"),
    *("list_amount", "net_amount", "owed", "held_at", "ended_at"),
)
SEALED_PARTS: Mapping[str, tuple[str, ...]] = {
    "rule": ("id",),
    "price_version": ("id", "digest"),
    "terms": ("id",),
    "usage": ("counts", "source", "service_tier", "inference_geo", "speed"),
    "hold": ("amount", "overrun"),
}
SEALED_LISTS: Mapping[str, tuple[str, ...]] = {
    "lines": ("bucket", "quantity", "rate", "per", "list_amount", "net_amount"),
    "lots": ("id", "amount"),
    "transactions": ("id", "movement", "postings", "chain"),
}
_encode = msgspec.json.Encoder(order="sorted").encode


def make_digest(shown: Mapping[str, object]) -> str | None:
    """The digest of a receipt as its JSON has it, also of one that was kept; None while it is open.

    SHA-256 of one JSON object of the sealed fields: UTF-8, keys sorted, no spaces.
    """
    if shown.get("ended_at") is None:
        return None
    sealed: dict[str, object] = {name: shown.get(name) for name in SEALED}
    for name, parts in SEALED_PARTS.items():
        sealed[name] = _pick(shown.get(name), parts)
    for name, parts in SEALED_LISTS.items():
        listed = shown.get(name)
        sealed[name] = [_pick(one, parts) for one in listed] if isinstance(listed, Sequence) else []
    return f"{PREFIX}{hashlib.sha256(_encode(sealed)).hexdigest()}"


def is_same(kept: str, digest: str | None) -> bool:
    """Whether a digest that somebody kept is this one; spaces around it and its prefix do not matter."""
    bare = kept.strip().lower().removeprefix(PREFIX)
    return digest is not None and hmac.compare_digest(bare.encode(), digest.removeprefix(PREFIX).encode())


def _pick(whole: object, parts: Sequence[str]) -> dict[str, object] | None:
    return {part: whole.get(part) for part in parts} if isinstance(whole, Mapping) else None
