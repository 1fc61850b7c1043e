"""Digests: the same for the same facts, another for any other, and none of what is said later."""

import copy
import json
from hashlib import sha256
from typing import Any

import pytest

from jeton.insight.evidence.digest import is_same, make_digest

RECEIPT: dict[str, Any] = {
    "request_id": "req_1",
    "organization_id": "o",
    "workspace_id": "wrkspc_1",
    "api_key_id": "apikey_1",
    "model": "claude-sonnet-5-5",
    "upstream": "embedded",
    "currency": "USD",
    "list_amount": "0.219",
    "net_amount": "0.029",
    "owed": "0.00",
    "held_at": "2026-11-23T10:00:00+00:00",
    "ended_at": "2026-11-23T10:00:01+00:00",
    "rule": {"id": "completed", "sentence": "as it is said today"},
    "price_version": {"id": "p@1", "digest": "abc", "content": {}},
    "terms": None,
    "usage": {
        "counts": {"input_tokens": 2_000},
        "source": "upstream",
        "service_tier": "standard",
        "inference_geo": "global",
        "speed": "standard",
    },
    "hold": {"amount": "1.00", "released": "0.971", "overrun": "0.00"},
    "lines": [
        {"bucket": "input", "quantity": 2_000, "rate": "2", "per": 1, "list_amount": "1", "net_amount": "1"}
    ],
    "lots": [{"id": "lot_1", "amount": "0.029", "expires_at": None}],
    "transactions": [
        {"id": "txn_1", "movement": "hold", "postings": [], "chain": {"number": 7, "digest": "00"}}
    ],
    "reversal": None,
}


def test_it_is_what_the_docs_say_so_anybody_can_make_it() -> None:
    whole = {name: RECEIPT[name] for name in list(RECEIPT)[:12]}
    whole |= {
        "rule": {"id": "completed"},
        "price_version": {"id": "p@1", "digest": "abc"},
        "terms": None,
        "usage": RECEIPT["usage"],
        "hold": {"amount": "1.00", "overrun": "0.00"},
        "lines": RECEIPT["lines"],
        "lots": [{"id": "lot_1", "amount": "0.029"}],
        "transactions": RECEIPT["transactions"],
    }
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    assert make_digest(RECEIPT) == f"sha256:{sha256(text.encode()).hexdigest()}"


@pytest.mark.parametrize(
    ("path", "value", "is_kept"),
    [
        (("net_amount",), "0.03", False),
        (("usage", "counts", "input_tokens"), 2_001, False),
        (("lines", 0, "rate"), "3", False),
        (("lots", 0, "id"), "lot_2", False),
        (("transactions", 0, "chain", "digest"), "01", False),
        (("price_version", "digest"), "abd", False),
        (("rule", "sentence"), "as it is said tomorrow", True),
        (("lots", 0, "expires_at"), "2026-12-01", True),
        (("reversal",), {"amount": "0.029"}, True),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_what_it_covers_changes_it_and_what_is_said_later_does_not(
    path: tuple[Any, ...],
    value: object,
    is_kept: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    other = copy.deepcopy(RECEIPT)
    place: Any = other
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert (make_digest(other) == make_digest(RECEIPT)) is is_kept


def test_an_open_request_has_none_and_a_pasted_one_may_have_spaces() -> None:
    digest = make_digest(RECEIPT)
    assert digest is not None
    assert make_digest({**RECEIPT, "ended_at": None}) is None
    assert is_same(f"  {digest.upper()} ", digest)
    assert is_same(digest.removeprefix("sha256:"), digest)
    assert not is_same("", None)
    assert not is_same(f"{digest}0", digest)
    assert not is_same("é", digest)
