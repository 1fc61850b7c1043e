-- Labels: for which end user a request was, and for what (its tag), in the words of the organization; '' where
-- it does not say. They are facts of the request and part of every row about it.

ALTER TABLE holds ADD COLUMN end_user text NOT NULL DEFAULT '', ADD COLUMN tag text NOT NULL DEFAULT '';
ALTER TABLE charges ADD COLUMN end_user text NOT NULL DEFAULT '', ADD COLUMN tag text NOT NULL DEFAULT '';
ALTER TABLE usage_events ADD COLUMN end_user text NOT NULL DEFAULT '', ADD COLUMN tag text NOT NULL DEFAULT '';
-- All requests of a batch have its tag, and each its own end user.
ALTER TABLE batches ADD COLUMN tag text NOT NULL DEFAULT '';

-- Of the output, how many tokens were thought, as the upstream says; a part of it and nothing to be added. What
-- was stored before has none.
ALTER TABLE usage_events ADD COLUMN thinking_tokens bigint CHECK (thinking_tokens BETWEEN 0 AND output_tokens);
ALTER TABLE usage_quarters ADD COLUMN thinking_tokens bigint NOT NULL DEFAULT 0
    CHECK (thinking_tokens BETWEEN 0 AND output_tokens);
ALTER TABLE usage_rollups ADD COLUMN thinking_tokens bigint NOT NULL DEFAULT 0
    CHECK (thinking_tokens BETWEEN 0 AND output_tokens);

-- Derived: the same sums once more, of requests with a label only, by their labels. What has none is the rest of
-- usage_quarters and usage_rollups, which know nothing of labels: so a request without one costs nothing more,
-- and neither does a question that does not ask for labels.
CREATE TABLE labelled_quarters (
    LIKE usage_quarters INCLUDING CONSTRAINTS INCLUDING DEFAULTS,
    end_user text NOT NULL,
    tag      text NOT NULL,
    PRIMARY KEY (organization_id, quarter_at, end_user, tag, workspace_id, key_id, model, service_tier,
                 inference_geo, speed, context_window),
    CHECK (end_user <> '' OR tag <> '')
) WITH (fillfactor = 70);
CREATE TABLE labelled_days (
    LIKE usage_rollups INCLUDING CONSTRAINTS INCLUDING DEFAULTS,
    end_user text NOT NULL,
    tag      text NOT NULL,
    PRIMARY KEY (organization_id, day_on, end_user, tag, workspace_id, key_id, model, service_tier,
                 inference_geo, speed, context_window),
    CHECK (end_user <> '' OR tag <> '')
) WITH (fillfactor = 50);
CREATE TABLE labelled_reversals (
    LIKE reversal_rollups INCLUDING CONSTRAINTS INCLUDING DEFAULTS INCLUDING GENERATED,
    end_user text NOT NULL,
    tag      text NOT NULL,
    PRIMARY KEY (organization_id, quarter_at, end_user, tag, workspace_id, key_id, model, service_tier,
                 inference_geo, speed, context_window),
    CHECK (end_user <> '' OR tag <> '')
);
-- One end user, or one tag, over a long time, of which others have most.
CREATE INDEX labelled_quarters_by_end_user ON labelled_quarters (organization_id, end_user, quarter_at);
CREATE INDEX labelled_days_by_end_user ON labelled_days (organization_id, end_user, day_on);
CREATE INDEX labelled_days_by_tag ON labelled_days (organization_id, tag, day_on);

-- As in 0028, with what was thought.
CREATE OR REPLACE FUNCTION add_rollups(new_rollups json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH added AS MATERIALIZED (
        SELECT * FROM json_populate_recordset(json_populate_record(NULL::usage_quarters, '{"thinking_tokens": 0}'), new_rollups)
    ), quarters AS (
        INSERT INTO usage_quarters AS r
        SELECT * FROM added
        ORDER BY organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window
        ON CONFLICT (organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window) DO UPDATE SET
            requests = r.requests + excluded.requests,
            input_tokens = r.input_tokens + excluded.input_tokens,
            cache_creation_5m_input_tokens = r.cache_creation_5m_input_tokens + excluded.cache_creation_5m_input_tokens,
            cache_creation_1h_input_tokens = r.cache_creation_1h_input_tokens + excluded.cache_creation_1h_input_tokens,
            cache_read_input_tokens = r.cache_read_input_tokens + excluded.cache_read_input_tokens,
            output_tokens = r.output_tokens + excluded.output_tokens,
            web_search_requests = r.web_search_requests + excluded.web_search_requests,
            list_nano = r.list_nano + excluded.list_nano,
            saved_batch_nano = r.saved_batch_nano + excluded.saved_batch_nano,
            saved_cache_nano = r.saved_cache_nano + excluded.saved_cache_nano,
            saved_tier_nano = r.saved_tier_nano + excluded.saved_tier_nano,
            saved_negotiated_nano = r.saved_negotiated_nano + excluded.saved_negotiated_nano,
            saved_promotion_nano = r.saved_promotion_nano + excluded.saved_promotion_nano,
            net_nano = r.net_nano + excluded.net_nano,
            input_nano = r.input_nano + excluded.input_nano,
            cache_creation_5m_nano = r.cache_creation_5m_nano + excluded.cache_creation_5m_nano,
            cache_creation_1h_nano = r.cache_creation_1h_nano + excluded.cache_creation_1h_nano,
            cache_read_nano = r.cache_read_nano + excluded.cache_read_nano,
            output_nano = r.output_nano + excluded.output_nano,
            web_search_nano = r.web_search_nano + excluded.web_search_nano,
            free_credit_nano = r.free_credit_nano + excluded.free_credit_nano,
            on_credit_nano = r.on_credit_nano + excluded.on_credit_nano,
            thinking_tokens = r.thinking_tokens + excluded.thinking_tokens
        RETURNING 1
    )
    INSERT INTO usage_rollups AS r
    SELECT organization_id, (quarter_at AT TIME ZONE 'UTC')::date AS day_on,
           workspace_id, key_id, model, service_tier, inference_geo, speed, context_window, sum(requests),
           sum(input_tokens), sum(cache_creation_5m_input_tokens), sum(cache_creation_1h_input_tokens),
           sum(cache_read_input_tokens), sum(output_tokens), sum(web_search_requests), sum(list_nano),
           sum(saved_batch_nano), sum(saved_cache_nano), sum(saved_tier_nano), sum(saved_negotiated_nano),
           sum(saved_promotion_nano), sum(net_nano), sum(input_nano), sum(cache_creation_5m_nano),
           sum(cache_creation_1h_nano), sum(cache_read_nano), sum(output_nano), sum(web_search_nano),
           sum(free_credit_nano), sum(on_credit_nano), sum(thinking_tokens)
    FROM added WHERE (SELECT count(*) FROM quarters) > 0
    GROUP BY organization_id, day_on, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window
    ORDER BY organization_id, day_on, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window
    ON CONFLICT (organization_id, day_on, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window) DO UPDATE SET
        requests = r.requests + excluded.requests,
        input_tokens = r.input_tokens + excluded.input_tokens,
        cache_creation_5m_input_tokens = r.cache_creation_5m_input_tokens + excluded.cache_creation_5m_input_tokens,
        cache_creation_1h_input_tokens = r.cache_creation_1h_input_tokens + excluded.cache_creation_1h_input_tokens,
        cache_read_input_tokens = r.cache_read_input_tokens + excluded.cache_read_input_tokens,
        output_tokens = r.output_tokens + excluded.output_tokens,
        web_search_requests = r.web_search_requests + excluded.web_search_requests,
        list_nano = r.list_nano + excluded.list_nano,
        saved_batch_nano = r.saved_batch_nano + excluded.saved_batch_nano,
        saved_cache_nano = r.saved_cache_nano + excluded.saved_cache_nano,
        saved_tier_nano = r.saved_tier_nano + excluded.saved_tier_nano,
        saved_negotiated_nano = r.saved_negotiated_nano + excluded.saved_negotiated_nano,
        saved_promotion_nano = r.saved_promotion_nano + excluded.saved_promotion_nano,
        net_nano = r.net_nano + excluded.net_nano,
        input_nano = r.input_nano + excluded.input_nano,
        cache_creation_5m_nano = r.cache_creation_5m_nano + excluded.cache_creation_5m_nano,
        cache_creation_1h_nano = r.cache_creation_1h_nano + excluded.cache_creation_1h_nano,
        cache_read_nano = r.cache_read_nano + excluded.cache_read_nano,
        output_nano = r.output_nano + excluded.output_nano,
        web_search_nano = r.web_search_nano + excluded.web_search_nano,
        free_credit_nano = r.free_credit_nano + excluded.free_credit_nano,
        on_credit_nano = r.on_credit_nano + excluded.on_credit_nano,
        thinking_tokens = r.thinking_tokens + excluded.thinking_tokens;
END $$;

-- The same for sums by label.
CREATE FUNCTION add_labelled(new_rollups json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH added AS MATERIALIZED (
        SELECT * FROM json_populate_recordset(NULL::labelled_quarters, new_rollups)
    ), quarters AS (
        INSERT INTO labelled_quarters AS r
        SELECT * FROM added
        ORDER BY organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window, end_user, tag
        ON CONFLICT (organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window, end_user, tag) DO UPDATE SET
            requests = r.requests + excluded.requests,
            input_tokens = r.input_tokens + excluded.input_tokens,
            cache_creation_5m_input_tokens = r.cache_creation_5m_input_tokens + excluded.cache_creation_5m_input_tokens,
            cache_creation_1h_input_tokens = r.cache_creation_1h_input_tokens + excluded.cache_creation_1h_input_tokens,
            cache_read_input_tokens = r.cache_read_input_tokens + excluded.cache_read_input_tokens,
            output_tokens = r.output_tokens + excluded.output_tokens,
            web_search_requests = r.web_search_requests + excluded.web_search_requests,
            list_nano = r.list_nano + excluded.list_nano,
            saved_batch_nano = r.saved_batch_nano + excluded.saved_batch_nano,
            saved_cache_nano = r.saved_cache_nano + excluded.saved_cache_nano,
            saved_tier_nano = r.saved_tier_nano + excluded.saved_tier_nano,
            saved_negotiated_nano = r.saved_negotiated_nano + excluded.saved_negotiated_nano,
            saved_promotion_nano = r.saved_promotion_nano + excluded.saved_promotion_nano,
            net_nano = r.net_nano + excluded.net_nano,
            input_nano = r.input_nano + excluded.input_nano,
            cache_creation_5m_nano = r.cache_creation_5m_nano + excluded.cache_creation_5m_nano,
            cache_creation_1h_nano = r.cache_creation_1h_nano + excluded.cache_creation_1h_nano,
            cache_read_nano = r.cache_read_nano + excluded.cache_read_nano,
            output_nano = r.output_nano + excluded.output_nano,
            web_search_nano = r.web_search_nano + excluded.web_search_nano,
            free_credit_nano = r.free_credit_nano + excluded.free_credit_nano,
            on_credit_nano = r.on_credit_nano + excluded.on_credit_nano,
            thinking_tokens = r.thinking_tokens + excluded.thinking_tokens
        RETURNING 1
    )
    INSERT INTO labelled_days AS r
    SELECT organization_id, (quarter_at AT TIME ZONE 'UTC')::date AS day_on,
           workspace_id, key_id, model, service_tier, inference_geo, speed, context_window, sum(requests),
           sum(input_tokens), sum(cache_creation_5m_input_tokens), sum(cache_creation_1h_input_tokens),
           sum(cache_read_input_tokens), sum(output_tokens), sum(web_search_requests), sum(list_nano),
           sum(saved_batch_nano), sum(saved_cache_nano), sum(saved_tier_nano), sum(saved_negotiated_nano),
           sum(saved_promotion_nano), sum(net_nano), sum(input_nano), sum(cache_creation_5m_nano),
           sum(cache_creation_1h_nano), sum(cache_read_nano), sum(output_nano), sum(web_search_nano),
           sum(free_credit_nano), sum(on_credit_nano), sum(thinking_tokens), end_user, tag
    FROM added WHERE (SELECT count(*) FROM quarters) > 0
    GROUP BY organization_id, day_on, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window, end_user, tag
    ORDER BY organization_id, day_on, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window, end_user, tag
    ON CONFLICT (organization_id, day_on, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window, end_user, tag) DO UPDATE SET
        requests = r.requests + excluded.requests,
        input_tokens = r.input_tokens + excluded.input_tokens,
        cache_creation_5m_input_tokens = r.cache_creation_5m_input_tokens + excluded.cache_creation_5m_input_tokens,
        cache_creation_1h_input_tokens = r.cache_creation_1h_input_tokens + excluded.cache_creation_1h_input_tokens,
        cache_read_input_tokens = r.cache_read_input_tokens + excluded.cache_read_input_tokens,
        output_tokens = r.output_tokens + excluded.output_tokens,
        web_search_requests = r.web_search_requests + excluded.web_search_requests,
        list_nano = r.list_nano + excluded.list_nano,
        saved_batch_nano = r.saved_batch_nano + excluded.saved_batch_nano,
        saved_cache_nano = r.saved_cache_nano + excluded.saved_cache_nano,
        saved_tier_nano = r.saved_tier_nano + excluded.saved_tier_nano,
        saved_negotiated_nano = r.saved_negotiated_nano + excluded.saved_negotiated_nano,
        saved_promotion_nano = r.saved_promotion_nano + excluded.saved_promotion_nano,
        net_nano = r.net_nano + excluded.net_nano,
        input_nano = r.input_nano + excluded.input_nano,
        cache_creation_5m_nano = r.cache_creation_5m_nano + excluded.cache_creation_5m_nano,
        cache_creation_1h_nano = r.cache_creation_1h_nano + excluded.cache_creation_1h_nano,
        cache_read_nano = r.cache_read_nano + excluded.cache_read_nano,
        output_nano = r.output_nano + excluded.output_nano,
        web_search_nano = r.web_search_nano + excluded.web_search_nano,
        free_credit_nano = r.free_credit_nano + excluded.free_credit_nano,
        on_credit_nano = r.on_credit_nano + excluded.on_credit_nano,
        thinking_tokens = r.thinking_tokens + excluded.thinking_tokens;
END $$;

-- As in 0028, with labels and what was thought.
CREATE OR REPLACE FUNCTION write_books(
    new_lots json, new_transactions json, new_holds json, ended_holds text[], changed_lots json,
    changed_balances json, new_charges json, new_events json, new_rollups json
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    written bigint;
    -- What is left out of a row that has no label.
    unlabelled CONSTANT json := '{"end_user": "", "tag": ""}';
BEGIN
    -- First, because it also takes the locks under which everything else is written; in one order,
    -- so that no two nodes wait for each other in a circle.
    IF changed_balances IS NOT NULL THEN
        IF json_array_length(changed_balances) > 1 THEN
            PERFORM FROM balances AS b
                WHERE b.organization_id IN (SELECT organization_id FROM json_populate_recordset(NULL::balances, changed_balances))
                ORDER BY b.organization_id FOR UPDATE;
        END IF;
        UPDATE balances AS b SET
            version = n.version + 1, chain_length = n.chain_length, chain_digest = n.chain_digest,
            credit_paid_nano = n.credit_paid_nano, credit_free_nano = n.credit_free_nano,
            held_nano = n.held_nano, receivable_nano = n.receivable_nano, accrued_nano = n.accrued_nano,
            cash_nano = n.cash_nano, revenue_nano = n.revenue_nano, promotion_nano = n.promotion_nano,
            breakage_nano = n.breakage_nano, tax_nano = n.tax_nano, rounding_nano = n.rounding_nano,
            refunds_nano = n.refunds_nano, upstream_cost_nano = n.upstream_cost_nano, bad_debt_nano = n.bad_debt_nano
        FROM json_populate_recordset(NULL::balances, changed_balances) AS n
        WHERE b.organization_id = n.organization_id AND b.version = n.version;
        GET DIAGNOSTICS written = ROW_COUNT;
        IF written <> json_array_length(changed_balances) THEN
            RAISE serialization_failure USING MESSAGE = 'somebody else wrote these books meanwhile';
        END IF;
    END IF;
    IF new_lots IS NOT NULL THEN
        INSERT INTO lots (lot_id, organization_id, kind, priority, models, granted_nano, left_nano,
                          effective_at, expires_at, granted_at, reason)
        SELECT lot_id, organization_id, kind, priority, models, granted_nano, left_nano,
               effective_at, expires_at, granted_at, reason
        FROM json_populate_recordset(NULL::lots, new_lots);
    END IF;
    IF new_transactions IS NOT NULL THEN
        INSERT INTO transactions SELECT * FROM json_populate_recordset(NULL::transactions, new_transactions);
    END IF;
    IF new_holds IS NOT NULL THEN
        INSERT INTO holds SELECT * FROM json_populate_recordset(json_populate_record(NULL::holds, unlabelled), new_holds);
    END IF;
    IF ended_holds IS NOT NULL THEN
        DELETE FROM holds WHERE request_id = ANY (ended_holds);
        GET DIAGNOSTICS written = ROW_COUNT;
        IF written <> cardinality(ended_holds) THEN
            RAISE serialization_failure USING MESSAGE = 'somebody else ended one of these holds meanwhile';
        END IF;
    END IF;
    IF changed_lots IS NOT NULL THEN
        UPDATE lots AS l SET granted_nano = n.granted_nano, left_nano = n.left_nano, held_nano = n.held_nano,
            used_nano = n.used_nano, expired_nano = n.expired_nano, refunded_nano = n.refunded_nano
        FROM json_populate_recordset(NULL::lots, changed_lots) AS n WHERE l.lot_id = n.lot_id;
    END IF;
    IF new_charges IS NOT NULL THEN
        INSERT INTO charges SELECT * FROM json_populate_recordset(json_populate_record(NULL::charges, unlabelled), new_charges);
    END IF;
    IF new_events IS NOT NULL THEN
        INSERT INTO usage_events SELECT * FROM json_populate_recordset(json_populate_record(NULL::usage_events, unlabelled), new_events);
    END IF;
    IF new_rollups IS NOT NULL THEN
        PERFORM add_rollups(new_rollups);
    END IF;
END $$;

CREATE OR REPLACE VIEW counted_reversals AS
    SELECT v.request_id, c.organization_id, quarter_of(u.occurred_at) AS quarter_at, c.workspace_id, c.key_id,
           c.model, u.service_tier, u.inference_geo, u.speed,
           context_window_of(u.input_tokens + u.cache_creation_5m_input_tokens + u.cache_creation_1h_input_tokens
                             + u.cache_read_input_tokens) AS context_window,
           v.amount_nano, free_part(v.draws) AS free_credit_nano,
           on_credit_part(v.amount_nano, v.draws) AS on_credit_nano, c.end_user, c.tag
    FROM reversals AS v JOIN charges AS c USING (request_id) JOIN usage_events AS u USING (request_id);

CREATE OR REPLACE FUNCTION count_reversal(reversed_request_id text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO reversal_rollups AS r (
        organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed,
        context_window, reversed_nano, free_credit_nano, on_credit_nano)
    SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed,
           context_window, amount_nano, free_credit_nano, on_credit_nano
    FROM counted_reversals WHERE request_id = reversed_request_id
    ON CONFLICT (organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed,
                 context_window)
        DO UPDATE SET reversed_nano = r.reversed_nano + excluded.reversed_nano,
            free_credit_nano = r.free_credit_nano + excluded.free_credit_nano,
            on_credit_nano = r.on_credit_nano + excluded.on_credit_nano;
    INSERT INTO labelled_reversals AS r (
        organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed,
        context_window, end_user, tag, reversed_nano, free_credit_nano, on_credit_nano)
    SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed,
           context_window, end_user, tag, amount_nano, free_credit_nano, on_credit_nano
    FROM counted_reversals WHERE request_id = reversed_request_id AND (end_user <> '' OR tag <> '')
    ON CONFLICT (organization_id, quarter_at, end_user, tag, workspace_id, key_id, model, service_tier,
                 inference_geo, speed, context_window)
        DO UPDATE SET reversed_nano = r.reversed_nano + excluded.reversed_nano,
            free_credit_nano = r.free_credit_nano + excluded.free_credit_nano,
            on_credit_nano = r.on_credit_nano + excluded.on_credit_nano;
$$;

-- What labels are asked of: everything as if it had none, less what has one, and that with its labels. So it sums
-- to usage_rollups, usage_quarters and reversal_rollups, whatever is grouped or chosen.
CREATE VIEW days_by_label AS
SELECT organization_id, day_on, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window,
       requests, input_tokens, cache_creation_5m_input_tokens, cache_creation_1h_input_tokens,
       cache_read_input_tokens, output_tokens, web_search_requests, list_nano, saved_batch_nano,
       saved_cache_nano, saved_tier_nano, saved_negotiated_nano, saved_promotion_nano, net_nano,
       input_nano, cache_creation_5m_nano, cache_creation_1h_nano, cache_read_nano, output_nano,
       web_search_nano, free_credit_nano, on_credit_nano, thinking_tokens,
       '' AS end_user, '' AS tag
FROM usage_rollups
UNION ALL
SELECT organization_id, day_on, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window,
       -requests, -input_tokens, -cache_creation_5m_input_tokens, -cache_creation_1h_input_tokens,
       -cache_read_input_tokens, -output_tokens, -web_search_requests, -list_nano, -saved_batch_nano,
       -saved_cache_nano, -saved_tier_nano, -saved_negotiated_nano, -saved_promotion_nano, -net_nano,
       -input_nano, -cache_creation_5m_nano, -cache_creation_1h_nano, -cache_read_nano, -output_nano,
       -web_search_nano, -free_credit_nano, -on_credit_nano, -thinking_tokens,
       '', ''
FROM labelled_days
UNION ALL
SELECT organization_id, day_on, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window,
       requests, input_tokens, cache_creation_5m_input_tokens, cache_creation_1h_input_tokens,
       cache_read_input_tokens, output_tokens, web_search_requests, list_nano, saved_batch_nano,
       saved_cache_nano, saved_tier_nano, saved_negotiated_nano, saved_promotion_nano, net_nano,
       input_nano, cache_creation_5m_nano, cache_creation_1h_nano, cache_read_nano, output_nano,
       web_search_nano, free_credit_nano, on_credit_nano, thinking_tokens,
       end_user, tag
FROM labelled_days;
CREATE VIEW quarters_by_label AS
SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window,
       requests, input_tokens, cache_creation_5m_input_tokens, cache_creation_1h_input_tokens,
       cache_read_input_tokens, output_tokens, web_search_requests, list_nano, saved_batch_nano,
       saved_cache_nano, saved_tier_nano, saved_negotiated_nano, saved_promotion_nano, net_nano,
       input_nano, cache_creation_5m_nano, cache_creation_1h_nano, cache_read_nano, output_nano,
       web_search_nano, free_credit_nano, on_credit_nano, thinking_tokens,
       '' AS end_user, '' AS tag
FROM usage_quarters
UNION ALL
SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window,
       -requests, -input_tokens, -cache_creation_5m_input_tokens, -cache_creation_1h_input_tokens,
       -cache_read_input_tokens, -output_tokens, -web_search_requests, -list_nano, -saved_batch_nano,
       -saved_cache_nano, -saved_tier_nano, -saved_negotiated_nano, -saved_promotion_nano, -net_nano,
       -input_nano, -cache_creation_5m_nano, -cache_creation_1h_nano, -cache_read_nano, -output_nano,
       -web_search_nano, -free_credit_nano, -on_credit_nano, -thinking_tokens,
       '', ''
FROM labelled_quarters
UNION ALL
SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window,
       requests, input_tokens, cache_creation_5m_input_tokens, cache_creation_1h_input_tokens,
       cache_read_input_tokens, output_tokens, web_search_requests, list_nano, saved_batch_nano,
       saved_cache_nano, saved_tier_nano, saved_negotiated_nano, saved_promotion_nano, net_nano,
       input_nano, cache_creation_5m_nano, cache_creation_1h_nano, cache_read_nano, output_nano,
       web_search_nano, free_credit_nano, on_credit_nano, thinking_tokens,
       end_user, tag
FROM labelled_quarters;
CREATE VIEW reversals_by_label AS
SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window,
       reversed_nano, free_credit_nano, on_credit_nano,
       '' AS end_user, '' AS tag
FROM reversal_rollups
UNION ALL
SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window,
       -reversed_nano, -free_credit_nano, -on_credit_nano,
       '', ''
FROM labelled_reversals
UNION ALL
SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window,
       reversed_nano, free_credit_nano, on_credit_nano,
       end_user, tag
FROM labelled_reversals;
