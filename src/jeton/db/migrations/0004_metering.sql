-- What was used, what was charged for it, and sums by day.

-- The stored record of one request's token counts. Quarantined: the counts are missing or do not
-- add up to what the upstream reported, so they are kept as reported, shown, and not priced.
CREATE TABLE usage_events (
    request_id      text PRIMARY KEY,
    organization_id uuid NOT NULL,
    workspace_id    text NOT NULL,
    key_id          text NOT NULL,
    model           text NOT NULL,
    upstream        text NOT NULL,
    occurred_at     timestamptz NOT NULL,
    input_tokens    bigint CHECK (input_tokens >= 0),
    cache_creation_5m_input_tokens bigint CHECK (cache_creation_5m_input_tokens >= 0),
    cache_creation_1h_input_tokens bigint CHECK (cache_creation_1h_input_tokens >= 0),
    cache_read_input_tokens bigint CHECK (cache_read_input_tokens >= 0),
    output_tokens   bigint CHECK (output_tokens >= 0),
    web_search_requests bigint CHECK (web_search_requests >= 0),
    service_tier    text NOT NULL CHECK (service_tier IN ('standard', 'batch')),
    inference_geo   text NOT NULL CHECK (inference_geo IN ('global', 'us')),
    speed           text NOT NULL CHECK (speed IN ('standard', 'fast')),
    source          text NOT NULL CHECK (source IN ('upstream', 'counted', 'estimated')),
    state           text NOT NULL CHECK (state IN ('accepted', 'quarantined')),
    reported        jsonb,
    -- Unknown is a state, never a zero (P8): a quarantined event has no counts at all.
    CHECK (num_nulls(input_tokens, cache_creation_5m_input_tokens, cache_creation_1h_input_tokens,
                     cache_read_input_tokens, output_tokens, web_search_requests)
           = CASE state WHEN 'accepted' THEN 0 ELSE 6 END)
);
CREATE TRIGGER usage_events_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON usage_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One row for every request whose hold has ended. settled: priced usage. released: nothing to pay
-- by the rule named. unconfirmed: the node died with the request, usage unknown, nothing charged.
-- quarantined: usage that contradicts itself, nothing charged until somebody has looked.
CREATE TABLE charges (
    request_id      text PRIMARY KEY,
    organization_id uuid NOT NULL,
    workspace_id    text NOT NULL,
    key_id          text NOT NULL,
    model           text NOT NULL,
    upstream        text NOT NULL,
    state           text NOT NULL CHECK (state IN ('settled', 'released', 'unconfirmed', 'quarantined')),
    rule_id         text NOT NULL,
    price_version_id text NOT NULL,
    is_rehearsal    boolean NOT NULL,
    held_nano       bigint NOT NULL CHECK (held_nano >= 0),
    list_nano       bigint NOT NULL CHECK (list_nano >= 0),
    net_nano        bigint NOT NULL CHECK (net_nano >= 0),
    overrun_nano    bigint NOT NULL DEFAULT 0 CHECK (overrun_nano >= 0),
    lines           jsonb NOT NULL,
    draws           jsonb NOT NULL,
    hold_transaction_id text NOT NULL,
    transaction_id  text NOT NULL,
    held_at         timestamptz NOT NULL,
    ended_at        timestamptz NOT NULL,
    CHECK (state = 'settled' OR net_nano = 0)
);
CREATE INDEX charges_by_organization ON charges (organization_id, request_id DESC);
CREATE TRIGGER charges_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON charges
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Derived: sums of settled charges by UTC day. saved_* are reductions from the list amount, negative
-- where a modifier adds (a cache write, a geography): list - all saved = net.
CREATE TABLE usage_rollups (
    organization_id uuid NOT NULL REFERENCES organizations,
    day_on          date NOT NULL,
    workspace_id    text NOT NULL,
    key_id          text NOT NULL,
    model           text NOT NULL,
    service_tier    text NOT NULL,
    requests        bigint NOT NULL,
    input_tokens    bigint NOT NULL,
    cache_creation_5m_input_tokens bigint NOT NULL,
    cache_creation_1h_input_tokens bigint NOT NULL,
    cache_read_input_tokens bigint NOT NULL,
    output_tokens   bigint NOT NULL,
    web_search_requests bigint NOT NULL,
    list_nano       bigint NOT NULL,
    saved_batch_nano bigint NOT NULL,
    saved_cache_nano bigint NOT NULL,
    saved_tier_nano bigint NOT NULL,
    saved_negotiated_nano bigint NOT NULL,
    saved_promotion_nano bigint NOT NULL,
    net_nano        bigint NOT NULL,
    PRIMARY KEY (organization_id, day_on, workspace_id, key_id, model, service_tier),
    CHECK (list_nano - saved_batch_nano - saved_cache_nano - saved_tier_nano
           - saved_negotiated_nano - saved_promotion_nano = net_nano)
) WITH (fillfactor = 50);
