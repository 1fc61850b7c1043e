"""Receipt as JSON: the same words for the API, the Console's twin and the command line.

Amounts are exact decimal strings of dollars; rates are dollars per ``per`` tokens (or searches);
``exact`` is the product before its one rounding, as a decimal or as a fraction.
"""

from datetime import datetime

from jeton.insight.caching.breaks import CacheBreak
from jeton.insight.contract.terms import render_terms
from jeton.insight.evidence.digest import make_digest
from jeton.insight.evidence.transactions import PostedTransaction
from jeton.insight.receipt import Receipt, ReversedCharge, UsageFacts
from jeton.insight.rerating.supplemented import SupplementedCharge
from jeton.insight.rerating.today import render_today
from jeton.insight.words import (
    BUCKET_NAMES,
    ROUNDING_RULE,
    SOURCE_SENTENCES,
    STATE_SENTENCES,
    rule_sentence,
)
from jeton.money import render_usd
from jeton.pricing.rating import Line, Rating
from jeton.pricing.receipt import render_line


def render_receipt(receipt: Receipt) -> dict[str, object]:
    """The whole receipt as a JSON-able object, with its digest."""
    shown = _render_all(receipt)
    return {**shown, "digest": make_digest(shown)}


def _render_all(receipt: Receipt) -> dict[str, object]:
    parties = receipt.parties
    rule = receipt.rule_id
    return {
        "type": "receipt",
        "request_id": receipt.request_id,
        "state": receipt.state,
        "state_sentence": STATE_SENTENCES[receipt.state],
        "problems": list(receipt.problems),
        "is_rehearsal": receipt.is_rehearsal,
        "currency": "USD",
        "organization_id": str(parties.organization_id),
        "workspace_id": parties.workspace_id,
        "api_key_id": parties.key_id,
        "end_user": parties.labels.end_user or None,
        "tag": parties.labels.tag or None,
        "batch_id": receipt.batch_id,
        "model": receipt.model,
        "upstream": receipt.upstream,
        "rule": None if rule is None else {"id": rule, "sentence": rule_sentence(rule)},
        "price_version": _render_price_version(receipt),
        "terms": None if receipt.terms is None else render_terms(receipt.terms),
        "usage": None if receipt.facts is None else _render_facts(receipt.facts),
        "lines": [] if receipt.rating is None else [_render_line(line) for line in receipt.rating.lines],
        "rounding": ROUNDING_RULE,
        "cache_break": None if receipt.cache_break is None else _render_break(receipt.cache_break),
        **_render_amounts(receipt),
        "at_todays_prices": None
        if receipt.today is None
        else render_today(receipt.today, receipt.money.net_nano),
        "hold": {
            "amount": render_usd(receipt.money.held_nano),
            "released": render_usd(receipt.money.released_nano) if receipt.times.ended_at else None,
            "overrun": render_usd(receipt.money.overrun_nano),
        },
        "lots": [
            {
                "id": lot.lot_id,
                "kind": lot.kind,
                "reason": lot.reason,
                "expires_at": _render_time(lot.expires_at),
                "amount": render_usd(lot.amount_nano),
            }
            for lot in receipt.lots
        ],
        "owed": render_usd(receipt.money.owed_nano),
        "reversal": None if receipt.reversal is None else _render_reversal(receipt.reversal),
        "rerated": None if receipt.supplement is None else _render_supplement(receipt.supplement),
        "transactions": [_render_transaction(entry) for entry in receipt.transactions],
        "invoice": None
        if receipt.document is None
        else {"id": receipt.document.document_id, "number": receipt.document.number},
        "held_at": _render_time(receipt.times.held_at),
        "valid_until": _render_time(receipt.times.valid_until),
        "ended_at": _render_time(receipt.times.ended_at),
        "as_of": _render_time(receipt.times.as_of),
    }


def _render_reversal(reversal: ReversedCharge) -> dict[str, object]:
    return {
        "amount": render_usd(reversal.amount_nano),
        "owed_no_more": render_usd(reversal.owed_nano),
        "lots": [{"id": lot_id, "amount": render_usd(nano)} for lot_id, nano in reversal.draws],
        "reason": reversal.reason,
        "transaction_id": reversal.transaction_id,
        "reversed_at": _render_time(reversal.reversed_at),
    }


def _render_supplement(supplement: SupplementedCharge) -> dict[str, object]:
    return {
        "charged_later": render_usd(supplement.amount_nano),
        "price_version": supplement.price_version_id,
        "reason": supplement.reason,
        "supplement_id": supplement.supplement_id,
        "transaction_id": supplement.transaction_id,
        "supplemented_at": _render_time(supplement.supplemented_at),
    }


def _render_break(found: CacheBreak) -> dict[str, object]:
    return {
        "reason": found.reason,
        "sentence": found.sentence,
        "missed_input_tokens": found.missed_tokens,
        "cost": None if found.cost_nano is None else render_usd(found.cost_nano),
        "previous_request_id": found.previous_request_id,
    }


def _render_amounts(receipt: Receipt) -> dict[str, object]:
    if receipt.state == "open":
        return {"list_amount": None, "saved": None, "net_amount": None}
    rating = receipt.rating
    return {
        "list_amount": render_usd(receipt.money.list_nano),
        "saved": None if rating is None else _render_saved(rating),
        "net_amount": render_usd(receipt.money.net_nano),
    }


def _render_saved(rating: Rating) -> dict[str, str]:
    return {stage: render_usd(nano) for stage, nano in rating.saved.items()}


def _render_price_version(receipt: Receipt) -> dict[str, object]:
    version = receipt.price_version
    return {
        "id": version.price_version_id,
        "digest": receipt.price_digest,
        "from_on": version.from_on.isoformat(),
        "until_on": None if version.until_on is None else version.until_on.isoformat(),
        "band": None if receipt.rating is None else receipt.rating.band,
        "content": version.content(),
    }


def _render_facts(facts: UsageFacts) -> dict[str, object]:
    usage = facts.usage
    counts: dict[str, object] | None = None
    if usage is not None:
        counts = {
            "input_tokens": usage.input_tokens,
            "cache_creation_input_tokens": usage.cache_creation_input_tokens,
            "cache_creation": {
                "ephemeral_5m_input_tokens": usage.cache_creation_5m_input_tokens,
                "ephemeral_1h_input_tokens": usage.cache_creation_1h_input_tokens,
            },
            "cache_read_input_tokens": usage.cache_read_input_tokens,
            "output_tokens": usage.output_tokens,
            "server_tool_use": {"web_search_requests": usage.web_search_requests},
        }
    return {
        "counts": counts,
        # Beside the counts, which the digest covers: of the output, not one of its own.
        "thinking_tokens": None if usage is None else usage.thinking_tokens,
        "source": facts.source,
        "source_sentence": SOURCE_SENTENCES.get(facts.source, facts.source),
        "service_tier": facts.conditions.service_tier,
        "inference_geo": facts.conditions.inference_geo,
        "speed": facts.conditions.speed,
        "reported": facts.reported,
    }


def _render_line(line: Line) -> dict[str, object]:
    return {"name": BUCKET_NAMES[line.bucket], **render_line(line)}


def _render_transaction(entry: PostedTransaction) -> dict[str, object]:
    return {
        "id": entry.transaction_id,
        "movement": entry.movement,
        "reason": entry.reason,
        "posted_at": _render_time(entry.posted_at),
        "chain": {"number": entry.sequence, "digest": entry.digest},
        "postings": [
            {"account": account, "lot_id": lot_id or None, "amount": render_usd(nano)}
            for account, lot_id, nano in entry.postings
        ],
    }


def _render_time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
