"""Sums by label against the charges that have one: compared in the database, label by label.

There may be as many labels as requests, and nothing here is kept of them in memory. What a stage of discounts
saved is not stored with a charge; it is compared for all labels together, from the ratings.
"""

from typing import LiteralString

from jeton.db.pool import Connection
from jeton.insight.proving.proof import Proof, read_rows

_QUARTERS: LiteralString = """
    SELECT organization_id, quarter_at, end_user, tag FROM (
        SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed,
               context_window, end_user, tag,
               ARRAY[requests, input_tokens, cache_creation_5m_input_tokens, cache_creation_1h_input_tokens,
                     cache_read_input_tokens, output_tokens, web_search_requests, thinking_tokens, list_nano,
                     net_nano, free_credit_nano, on_credit_nano]::numeric[] AS kept
        FROM labelled_quarters
    ) AS kept FULL JOIN (
        SELECT c.organization_id, quarter_of(e.occurred_at) AS quarter_at, c.workspace_id, c.key_id, c.model,
               e.service_tier, e.inference_geo, e.speed,
               context_window_of(e.input_tokens + e.cache_creation_5m_input_tokens
                                 + e.cache_creation_1h_input_tokens + e.cache_read_input_tokens)
                   AS context_window, c.end_user, c.tag,
               ARRAY[count(*), sum(e.input_tokens), sum(e.cache_creation_5m_input_tokens),
                     sum(e.cache_creation_1h_input_tokens), sum(e.cache_read_input_tokens),
                     sum(e.output_tokens), sum(e.web_search_requests), sum(coalesce(e.thinking_tokens, 0)),
                     sum(c.list_nano), sum(c.net_nano), sum(free_part(c.draws)),
                     sum(on_credit_part(c.net_nano, c.draws))] AS counted
        FROM charges AS c JOIN usage_events AS e USING (request_id)
        WHERE c.state = 'settled' AND (c.end_user <> '' OR c.tag <> '')
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ) AS single USING (organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo,
                       speed, context_window, end_user, tag)
    WHERE kept IS DISTINCT FROM counted
"""
# Every sum of a day is that of its quarters; the two texts name columns of both tables.
_SUMS: LiteralString = """
    requests, input_tokens, cache_creation_5m_input_tokens, cache_creation_1h_input_tokens,
    cache_read_input_tokens, output_tokens, web_search_requests, list_nano, saved_batch_nano,
    saved_cache_nano, saved_tier_nano, saved_negotiated_nano, saved_promotion_nano, net_nano, input_nano,
    cache_creation_5m_nano, cache_creation_1h_nano, cache_read_nano, output_nano, web_search_nano,
    free_credit_nano, on_credit_nano,
    thinking_tokens
"""
_KEY: LiteralString = """
    organization_id, day_on, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window,
    end_user, tag
"""
_ADDED: LiteralString = ", ".join(f"sum({name.strip()})" for name in _SUMS.split(","))
_DAYS: LiteralString = f"""
    SELECT organization_id, day_on, end_user, tag
    FROM (SELECT {_KEY}, ARRAY[{_SUMS}]::numeric[] AS kept FROM labelled_days) AS days
    FULL JOIN (
        SELECT {_KEY}, ARRAY[{_ADDED}] AS counted
        FROM (SELECT *, (quarter_at AT TIME ZONE 'UTC')::date AS day_on FROM labelled_quarters) AS q
        GROUP BY {_KEY}
    ) AS quarters USING ({_KEY})
    WHERE kept IS DISTINCT FROM counted
"""  # noqa: S608 - our own text
_REVERSALS: LiteralString = """
    SELECT organization_id, quarter_at, end_user, tag FROM (
        SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed,
               context_window, end_user, tag,
               ARRAY[reversed_nano, free_credit_nano, on_credit_nano]::numeric[] AS kept
        FROM labelled_reversals
    ) AS kept FULL JOIN (
        SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed,
               context_window, end_user, tag,
               ARRAY[sum(amount_nano), sum(free_credit_nano), sum(on_credit_nano)] AS counted
        FROM counted_reversals WHERE end_user <> '' OR tag <> '' GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ) AS single USING (organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo,
                       speed, context_window, end_user, tag)
    WHERE kept IS DISTINCT FROM counted
"""
_COMPARED: dict[str, LiteralString] = {
    "labelled_quarters": _QUARTERS,
    "labelled_days": _DAYS,
    "labelled_reversals": _REVERSALS,
}


async def verify_labels(connection: Connection, proof: Proof) -> None:
    """Every sum by label is that of its charges, of its quarters, or of its reversals."""
    for table, query in _COMPARED.items():
        async for organization_id, at, end_user, tag in read_rows(connection, table, query):
            proof.find(
                f"Organization {organization_id}, {at}: what {table} has of end user {end_user!r} and tag"
                f" {tag!r} is not what was charged, or reversed, of them."
            )
