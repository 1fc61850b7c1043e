"""Rendering: batches as the Messages API shows them, and what they came to, which is ours."""

from datetime import datetime
from typing import Any

from jeton.batches.reading import Amounts, Page, Standing
from jeton.money import render_usd


def render_batch(batch: Standing, base_url: str) -> dict[str, Any]:
    """One batch; its counts move all at once, at its end."""
    return {
        "id": batch.batch_id,
        "type": "message_batch",
        "processing_status": batch.state,
        "request_counts": {
            "processing": batch.processing,
            "succeeded": batch.succeeded,
            "errored": batch.errored,
            "canceled": batch.canceled,
            "expired": batch.expired,
        },
        "created_at": _render_time(batch.created_at),
        "expires_at": _render_time(batch.expires_at),
        "ended_at": _render_time(batch.ended_at),
        "cancel_initiated_at": _render_time(batch.cancel_initiated_at),
        "archived_at": _render_time(batch.archived_at),
        "results_url": _results_url(batch, base_url),
    }


def render_page(page: Page, base_url: str) -> dict[str, Any]:
    """A page of batches."""
    shown = page.batches
    return {
        "data": [render_batch(batch, base_url) for batch in shown],
        "has_more": page.has_more,
        "first_id": shown[0].batch_id if shown else None,
        "last_id": shown[-1].batch_id if shown else None,
    }


def render_amounts(amounts: Amounts) -> dict[str, Any]:
    """What a batch is held for and has come to, in dollars."""
    sums = amounts.sums
    return {
        "id": amounts.batch_id,
        "type": "message_batch_cost",
        "processing_status": amounts.state,
        "requests": amounts.items,
        "requests_done": sums.done,
        "held_amount": render_usd(amounts.held_nano),
        "list_amount": render_usd(sums.list_nano),
        "saved_by_batch": render_usd(sums.saved_batch_nano),
        "saved_by_cache": render_usd(sums.saved_cache_nano),
        "saved_otherwise": render_usd(sums.saved_other_nano),
        "net_amount": render_usd(sums.net_nano),
        "currency": "USD",
    }


def _results_url(batch: Standing, base_url: str) -> str | None:
    if batch.ended_at is None or batch.archived_at is not None:
        return None
    return f"{base_url}/v1/messages/batches/{batch.batch_id}/results"


def _render_time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
