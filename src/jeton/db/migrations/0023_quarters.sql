-- Sums by the quarter of an hour beside those by the UTC day: the days of every zone are made of them. Both
-- by everything that reports group by, and with the net amount of each bucket (they sum to the net amount).
-- Sums are derived, so both are made anew from the charges. And with what free
-- credit paid of the net amount.

DROP TABLE usage_rollups;
CREATE TABLE usage_rollups (
    organization_id uuid NOT NULL REFERENCES organizations,
    day_on          date NOT NULL,
    workspace_id    text NOT NULL,
    key_id          text NOT NULL,
    model           text NOT NULL,
    service_tier    text NOT NULL,
    inference_geo   text NOT NULL,
    speed           text NOT NULL,
    context_window  text NOT NULL,
    requests                       bigint NOT NULL,
    input_tokens                   bigint NOT NULL,
    cache_creation_5m_input_tokens bigint NOT NULL,
    cache_creation_1h_input_tokens bigint NOT NULL,
    cache_read_input_tokens        bigint NOT NULL,
    output_tokens                  bigint NOT NULL,
    web_search_requests            bigint NOT NULL,
    list_nano                      bigint NOT NULL,
    saved_batch_nano               bigint NOT NULL,
    saved_cache_nano               bigint NOT NULL,
    saved_tier_nano                bigint NOT NULL,
    saved_negotiated_nano          bigint NOT NULL,
    saved_promotion_nano           bigint NOT NULL,
    net_nano                       bigint NOT NULL,
    input_nano                     bigint NOT NULL,
    cache_creation_5m_nano         bigint NOT NULL,
    cache_creation_1h_nano         bigint NOT NULL,
    cache_read_nano                bigint NOT NULL,
    output_nano                    bigint NOT NULL,
    web_search_nano                bigint NOT NULL,
    free_credit_nano               bigint NOT NULL CHECK (free_credit_nano BETWEEN 0 AND net_nano),
    PRIMARY KEY (organization_id, day_on, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window),
    CHECK (list_nano - saved_batch_nano - saved_cache_nano - saved_tier_nano
           - saved_negotiated_nano - saved_promotion_nano = net_nano),
    CHECK (input_nano + cache_creation_5m_nano + cache_creation_1h_nano + cache_read_nano + output_nano
           + web_search_nano = net_nano)
) WITH (fillfactor = 50);

-- quarter_at: where the quarter begins. A row is written for a quarter of an hour and then no more.
CREATE TABLE usage_quarters (
    organization_id uuid NOT NULL REFERENCES organizations,
    quarter_at      timestamptz NOT NULL,
    workspace_id    text NOT NULL,
    key_id          text NOT NULL,
    model           text NOT NULL,
    service_tier    text NOT NULL,
    inference_geo   text NOT NULL,
    speed           text NOT NULL,
    context_window  text NOT NULL,
    requests                       bigint NOT NULL,
    input_tokens                   bigint NOT NULL,
    cache_creation_5m_input_tokens bigint NOT NULL,
    cache_creation_1h_input_tokens bigint NOT NULL,
    cache_read_input_tokens        bigint NOT NULL,
    output_tokens                  bigint NOT NULL,
    web_search_requests            bigint NOT NULL,
    list_nano                      bigint NOT NULL,
    saved_batch_nano               bigint NOT NULL,
    saved_cache_nano               bigint NOT NULL,
    saved_tier_nano                bigint NOT NULL,
    saved_negotiated_nano          bigint NOT NULL,
    saved_promotion_nano           bigint NOT NULL,
    net_nano                       bigint NOT NULL,
    input_nano                     bigint NOT NULL,
    cache_creation_5m_nano         bigint NOT NULL,
    cache_creation_1h_nano         bigint NOT NULL,
    cache_read_nano                bigint NOT NULL,
    output_nano                    bigint NOT NULL,
    web_search_nano                bigint NOT NULL,
    free_credit_nano               bigint NOT NULL CHECK (free_credit_nano BETWEEN 0 AND net_nano),
    PRIMARY KEY (organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window),
    CHECK (list_nano - saved_batch_nano - saved_cache_nano - saved_tier_nano
           - saved_negotiated_nano - saved_promotion_nano = net_nano),
    CHECK (input_nano + cache_creation_5m_nano + cache_creation_1h_nano + cache_read_nano + output_nano
           + web_search_nano = net_nano)
) WITH (fillfactor = 70);

CREATE FUNCTION quarter_of(at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT date_bin('15 minutes', at, timestamptz '2000-01-01 00:00:00+00')
$$;
-- As the Messages API's reports name it: by the whole prompt, cached or not.
CREATE FUNCTION context_window_of(prompt_tokens bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN prompt_tokens > 200000 THEN '200k-1M' ELSE '0-200k' END
$$;
-- Of what lots paid, or got back, the part of those that nobody paid for. A lot's kind never changes.
CREATE FUNCTION free_part(draws jsonb) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum((d ->> 1)::bigint), 0)::bigint
    FROM jsonb_array_elements(draws) AS d JOIN lots AS l ON l.lot_id = d ->> 0
    WHERE l.kind IN ('free', 'promotional')
$$;

-- Adds sums of quarters to both tables, out of one reading of the JSON. Rows come in the order of their keys,
-- and quarters all before days (which wait for their count), so that two nodes never wait for each other in
-- a circle.
CREATE FUNCTION add_rollups(new_rollups json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH added AS MATERIALIZED (
        SELECT * FROM json_populate_recordset(NULL::usage_quarters, new_rollups)
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
            free_credit_nano = r.free_credit_nano + excluded.free_credit_nano
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
           sum(free_credit_nano)
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
        free_credit_nano = r.free_credit_nano + excluded.free_credit_nano;
END $$;

-- As in 0006, but for the sums.
CREATE OR REPLACE FUNCTION write_books(
    new_lots json, new_transactions json, new_holds json, ended_holds text[], changed_lots json,
    changed_balances json, new_charges json, new_events json, new_rollups json
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    written bigint;
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
            refunds_nano = n.refunds_nano, upstream_cost_nano = n.upstream_cost_nano
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
        INSERT INTO holds SELECT * FROM json_populate_recordset(NULL::holds, new_holds);
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
        INSERT INTO charges SELECT * FROM json_populate_recordset(NULL::charges, new_charges);
    END IF;
    IF new_events IS NOT NULL THEN
        INSERT INTO usage_events SELECT * FROM json_populate_recordset(NULL::usage_events, new_events);
    END IF;
    IF new_rollups IS NOT NULL THEN
        PERFORM add_rollups(new_rollups);
    END IF;
END $$;


-- Reversals are few, so their sums are by the quarter alone.
DROP TABLE reversal_rollups;
CREATE TABLE reversal_rollups (
    organization_id uuid NOT NULL REFERENCES organizations,
    quarter_at      timestamptz NOT NULL,
    workspace_id    text NOT NULL,
    key_id          text NOT NULL,
    model           text NOT NULL,
    service_tier    text NOT NULL,
    inference_geo   text NOT NULL,
    speed           text NOT NULL,
    context_window  text NOT NULL,
    reversed_nano   bigint NOT NULL CHECK (reversed_nano > 0),
    free_credit_nano bigint NOT NULL CHECK (free_credit_nano BETWEEN 0 AND reversed_nano),
    day_on          date GENERATED ALWAYS AS ((quarter_at AT TIME ZONE 'UTC')::date) STORED,
    PRIMARY KEY (organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed,
                 context_window)
);

-- What each reversal counts under.
CREATE VIEW counted_reversals AS
    SELECT v.request_id, c.organization_id, quarter_of(u.occurred_at) AS quarter_at, c.workspace_id, c.key_id,
           c.model, u.service_tier, u.inference_geo, u.speed,
           context_window_of(u.input_tokens + u.cache_creation_5m_input_tokens + u.cache_creation_1h_input_tokens
                             + u.cache_read_input_tokens) AS context_window,
           v.amount_nano, free_part(v.draws) AS free_credit_nano
    FROM reversals AS v JOIN charges AS c USING (request_id) JOIN usage_events AS u USING (request_id);

CREATE OR REPLACE FUNCTION count_reversal(reversed_request_id text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO reversal_rollups AS r
    SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed,
           context_window, amount_nano, free_credit_nano
    FROM counted_reversals WHERE request_id = reversed_request_id
    ON CONFLICT (organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed,
                 context_window)
        DO UPDATE SET reversed_nano = r.reversed_nano + excluded.reversed_nano,
            free_credit_nano = r.free_credit_nano + excluded.free_credit_nano;
$$;

-- From here on: the sums of what was charged before. What a modifier took off is worked out from the price
-- version as rating does it: each step's amount is rounded, half-even, to the nano. Before this migration
-- nothing was negotiated or promoted, so what batch and cache leave is the tier's.
CREATE FUNCTION pg_temp.half_even(up numeric, down numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT div(up, down) + CASE
        WHEN 2 * (up - div(up, down) * down) > down THEN 1
        WHEN 2 * (up - div(up, down) * down) = down AND div(up, down) % 2 = 1 THEN 1 ELSE 0 END
$$;
-- A factor as it is written: "0.5" or "1/3".
CREATE FUNCTION pg_temp.part(factor text, number integer) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(nullif(split_part(factor, '/', number), ''), '1')::numeric
$$;

WITH priced AS (
    SELECT c.*, e.occurred_at, e.service_tier, e.inference_geo, e.speed, e.input_tokens,
           e.cache_creation_5m_input_tokens, e.cache_creation_1h_input_tokens, e.cache_read_input_tokens,
           e.output_tokens, e.web_search_requests, p.prompt_tokens,
           coalesce(
               (SELECT b FROM jsonb_array_elements(v.content #> '{price,bands}') WITH ORDINALITY AS bands (b, place)
                WHERE b ->> 'up_to_prompt_tokens' IS NULL OR p.prompt_tokens <= (b ->> 'up_to_prompt_tokens')::bigint
                ORDER BY place LIMIT 1),
               v.content #> '{price,bands,-1}') AS band
    FROM charges AS c JOIN usage_events AS e USING (request_id)
    JOIN price_versions AS v USING (price_version_id)
    CROSS JOIN LATERAL (
        SELECT e.input_tokens + e.cache_creation_5m_input_tokens + e.cache_creation_1h_input_tokens
               + e.cache_read_input_tokens AS prompt_tokens
    ) AS p
    WHERE c.state = 'settled' AND e.state = 'accepted'
), lines AS (
    SELECT request_id, l.bucket, l.quantity::numeric AS quantity, l.list_nano::numeric AS list_nano, l.net_nano::numeric AS net_nano,
           way.direction, (band #>> ARRAY['standard', way.direction])::numeric AS list_rate,
           (band #>> ARRAY['standard', l.bucket])::numeric AS own_rate,
           service_tier = 'batch' AND l.bucket <> 'web_search' AND band -> 'batch' <> 'null'::jsonb AS is_batch,
           l.bucket LIKE 'cache\_%' AS is_cache,
           (band #>> ARRAY['batch', 'rates', l.bucket])::numeric AS batch_own_rate,
           band #>> '{batch,factor}' AS batch_factor,
           (band #>> ARRAY['batch', 'rates', way.direction])::numeric AS batch_rate
    FROM priced
    CROSS JOIN LATERAL jsonb_to_recordset(lines) AS l (bucket text, quantity bigint, list_nano bigint, net_nano bigint)
    CROSS JOIN LATERAL (SELECT CASE l.bucket WHEN 'output' THEN 'output' ELSE 'input' END AS direction) AS way
), factors AS (
    -- Where a rate is 0, everything is.
    SELECT *,
           CASE WHEN NOT is_batch THEN 1 WHEN batch_own_rate IS NOT NULL THEN CASE own_rate WHEN 0 THEN 1 ELSE batch_own_rate END
                WHEN batch_factor IS NOT NULL THEN pg_temp.part(batch_factor, 1)
                ELSE CASE list_rate WHEN 0 THEN 1 ELSE batch_rate END END AS batch_up,
           CASE WHEN NOT is_batch THEN 1 WHEN batch_own_rate IS NOT NULL THEN CASE own_rate WHEN 0 THEN 1 ELSE own_rate END
                WHEN batch_factor IS NOT NULL THEN pg_temp.part(batch_factor, 2)
                ELSE CASE list_rate WHEN 0 THEN 1 ELSE list_rate END END AS batch_down,
           CASE WHEN is_cache AND list_rate <> 0 THEN own_rate ELSE 1 END AS cache_up,
           CASE WHEN is_cache AND list_rate <> 0 THEN list_rate ELSE 1 END AS cache_down
    FROM lines
), steps AS (
    -- Dollars for a million tokens are a thousand nano for one.
    SELECT request_id, bucket, list_nano, net_nano, is_cache,
           CASE WHEN is_batch THEN pg_temp.half_even(quantity * list_rate * 1000 * batch_up, batch_down)
                ELSE list_nano END AS after_batch_nano,
           quantity * list_rate * 1000 * batch_up * cache_up AS cache_up, batch_down * cache_down AS cache_down
    FROM factors
), charged AS (
    SELECT request_id,
           sum(list_nano - after_batch_nano) AS saved_batch_nano,
           sum(CASE WHEN is_cache THEN after_batch_nano - pg_temp.half_even(cache_up, cache_down) ELSE 0 END) AS saved_cache_nano,
           coalesce(sum(net_nano) FILTER (WHERE bucket = 'input'), 0) AS input_nano,
           coalesce(sum(net_nano) FILTER (WHERE bucket = 'cache_write_5m'), 0) AS cache_creation_5m_nano,
           coalesce(sum(net_nano) FILTER (WHERE bucket = 'cache_write_1h'), 0) AS cache_creation_1h_nano,
           coalesce(sum(net_nano) FILTER (WHERE bucket = 'cache_read'), 0) AS cache_read_nano,
           coalesce(sum(net_nano) FILTER (WHERE bucket = 'output'), 0) AS output_nano,
           coalesce(sum(net_nano) FILTER (WHERE bucket = 'web_search'), 0) AS web_search_nano
    FROM steps GROUP BY request_id
)
INSERT INTO usage_quarters
SELECT organization_id, quarter_of(occurred_at), workspace_id, key_id, model, service_tier, inference_geo, speed,
       context_window_of(prompt_tokens), count(*), sum(input_tokens), sum(cache_creation_5m_input_tokens),
       sum(cache_creation_1h_input_tokens), sum(cache_read_input_tokens), sum(output_tokens), sum(web_search_requests),
       sum(list_nano), sum(coalesce(saved_batch_nano, 0)), sum(coalesce(saved_cache_nano, 0)),
       sum(list_nano - coalesce(saved_batch_nano, 0) - coalesce(saved_cache_nano, 0) - net_nano), 0, 0, sum(net_nano),
       sum(coalesce(input_nano, 0)), sum(coalesce(cache_creation_5m_nano, 0)), sum(coalesce(cache_creation_1h_nano, 0)),
       sum(coalesce(cache_read_nano, 0)), sum(coalesce(output_nano, 0)), sum(coalesce(web_search_nano, 0)),
       sum(free_part(draws))
FROM priced LEFT JOIN charged USING (request_id)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;

INSERT INTO usage_rollups
SELECT organization_id, (quarter_at AT TIME ZONE 'UTC')::date, workspace_id, key_id, model, service_tier, inference_geo,
       speed, context_window, sum(requests), sum(input_tokens), sum(cache_creation_5m_input_tokens),
       sum(cache_creation_1h_input_tokens), sum(cache_read_input_tokens), sum(output_tokens), sum(web_search_requests),
       sum(list_nano), sum(saved_batch_nano), sum(saved_cache_nano), sum(saved_tier_nano), sum(saved_negotiated_nano),
       sum(saved_promotion_nano), sum(net_nano), sum(input_nano), sum(cache_creation_5m_nano),
       sum(cache_creation_1h_nano), sum(cache_read_nano), sum(output_nano), sum(web_search_nano), sum(free_credit_nano)
FROM usage_quarters GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;

INSERT INTO reversal_rollups
SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed, context_window,
       sum(amount_nano), sum(free_credit_nano)
FROM counted_reversals GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;
