"""What a stream's last minute came to."""

from dataclasses import replace
from datetime import UTC, datetime

from jeton.insight.live.spending import Spending
from jeton.insight.requests import ListedCharge

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
CHARGE = ListedCharge(
    request_id="req_1",
    workspace_id="wrkspc_1",
    workspace_name=None,
    key_id="key_a",
    key_name=None,
    model="m",
    upstream="u",
    state="settled",
    rule_id="completed",
    is_rehearsal=False,
    list_nano=60_000_000,
    net_nano=60_000_000,
    held_at=AT,
    ended_at=AT,
    service_tier="standard",
    input_tokens=1,
    cache_creation_5m_input_tokens=0,
    cache_creation_1h_input_tokens=0,
    cache_read_input_tokens=0,
    output_tokens=1,
    held_nano=1_000_000_000,
)


def test_a_minute_is_the_last_sixty_seconds_by_key() -> None:
    spending = Spending()
    spending.note(CHARGE, 0.0)
    spending.note(replace(CHARGE, key_id="key_b", net_nano=120_000_000), 30.0)
    spending.note(CHARGE, 30.0)
    first, later = spending.render(59.0, as_of=AT), spending.render(60.0, as_of=AT)
    assert (first["requests"], first["net_amount"], first["net_amount_per_second"]) == (3, "0.24", "0.004")
    assert first["by_key"] == [
        {"api_key_id": "key_a", "requests": 2, "net_amount": "0.12"},
        {"api_key_id": "key_b", "requests": 1, "net_amount": "0.12"},
    ]
    assert (later["requests"], later["net_amount"], later["held_amount"]) == (2, "0.18", "2.00")
    assert spending.render(90.0, as_of=AT)["net_amount_per_second"] == "0.00"
