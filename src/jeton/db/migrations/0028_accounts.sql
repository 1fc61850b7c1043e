-- Accounts: what an accountant needs of the ledger, and periods that are closed.

-- What was invoiced and is given up, less its tax.
ALTER TABLE transactions DROP CONSTRAINT transactions_accounts_known;
ALTER TABLE transactions ADD CONSTRAINT transactions_accounts_known CHECK (accounts <@ ARRAY[
    'credit:paid', 'credit:free', 'held', 'receivable', 'accrued', 'cash', 'revenue', 'promotion',
    'breakage', 'tax', 'rounding', 'refunds', 'upstream_cost', 'bad_debt']);
ALTER TABLE balances ADD COLUMN bad_debt_nano bigint NOT NULL DEFAULT 0;
ALTER TABLE balances DROP CONSTRAINT balances_sum_to_zero;
ALTER TABLE balances ADD CONSTRAINT balances_sum_to_zero CHECK (
    credit_paid_nano::numeric + credit_free_nano + held_nano + receivable_nano + accrued_nano
    + cash_nano + revenue_nano + promotion_nano + breakage_nano + tax_nano + rounding_nano
    + refunds_nano + upstream_cost_nano + bad_debt_nano = 0);

-- Of the net amount, what no lot paid: drawn on the credit limit, or owed as an overrun. So what a document of
-- a period asks for is this, less the same of reversals.
ALTER TABLE usage_quarters ADD COLUMN on_credit_nano bigint NOT NULL DEFAULT 0
    CHECK (on_credit_nano BETWEEN 0 AND net_nano - free_credit_nano);
ALTER TABLE usage_rollups ADD COLUMN on_credit_nano bigint NOT NULL DEFAULT 0
    CHECK (on_credit_nano BETWEEN 0 AND net_nano - free_credit_nano);
ALTER TABLE reversal_rollups ADD COLUMN on_credit_nano bigint NOT NULL DEFAULT 0
    CHECK (on_credit_nano BETWEEN 0 AND reversed_nano - free_credit_nano);

-- Of an amount, what is left when lots have paid, or have got back, their draws of it.
CREATE FUNCTION on_credit_part(amount_nano bigint, draws jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT amount_nano - coalesce(sum((d ->> 1)::bigint), 0)::bigint
    FROM jsonb_array_elements(draws) AS d WHERE d ->> 0 <> ''
$$;

-- As in 0023, with what is on credit.
CREATE OR REPLACE FUNCTION add_rollups(new_rollups json) RETURNS void LANGUAGE plpgsql AS $$
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
            free_credit_nano = r.free_credit_nano + excluded.free_credit_nano,
            on_credit_nano = r.on_credit_nano + excluded.on_credit_nano
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
           sum(free_credit_nano), sum(on_credit_nano)
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
        on_credit_nano = r.on_credit_nano + excluded.on_credit_nano;
END $$;

-- As in 0023, with the account for bad debts.
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

CREATE OR REPLACE VIEW counted_reversals AS
    SELECT v.request_id, c.organization_id, quarter_of(u.occurred_at) AS quarter_at, c.workspace_id, c.key_id,
           c.model, u.service_tier, u.inference_geo, u.speed,
           context_window_of(u.input_tokens + u.cache_creation_5m_input_tokens + u.cache_creation_1h_input_tokens
                             + u.cache_read_input_tokens) AS context_window,
           v.amount_nano, free_part(v.draws) AS free_credit_nano,
           on_credit_part(v.amount_nano, v.draws) AS on_credit_nano
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
$$;

-- A period of the house that is closed: nothing is posted before period_to any more. period_from: where the one
-- before it ended, NULL for the first, which closes all that was before. last_transaction_id: the newest entry of
-- the journal that it holds.
CREATE TABLE book_closings (
    closing_id      text PRIMARY KEY CHECK (closing_id LIKE 'close\_%'),
    period_from     timestamptz,
    period_to       timestamptz NOT NULL CHECK (period_to > period_from),
    zone            text NOT NULL,
    -- Each item of the checklist as it stood.
    checklist       jsonb NOT NULL,
    last_transaction_id text REFERENCES transactions,
    reason          text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
    closed_at       timestamptz NOT NULL CHECK (closed_at > period_to),
    closed_by       text NOT NULL CHECK (length(closed_by) BETWEEN 1 AND 320),
    reopened_at     timestamptz CHECK (reopened_at >= closed_at),
    reopened_by     text CHECK (length(reopened_by) BETWEEN 1 AND 320),
    reopen_reason   text CHECK (length(reopen_reason) BETWEEN 1 AND 500),
    CHECK (num_nulls(reopened_at, reopened_by, reopen_reason) IN (0, 3))
);
CREATE UNIQUE INDEX book_closings_once ON book_closings (period_to) WHERE reopened_at IS NULL;

-- What the accounts had at the end of a closed period, written once, and proved by the postings.
CREATE TABLE closed_balances (
    closing_id      text NOT NULL REFERENCES book_closings,
    organization_id uuid NOT NULL,
    account         text NOT NULL,
    balance_nano    bigint NOT NULL,
    PRIMARY KEY (closing_id, organization_id, account)
);
CREATE TRIGGER closed_balances_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON closed_balances
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Statements of a whole period of the house that were written for somebody.
CREATE TABLE delivered_exports (
    export_id       text PRIMARY KEY CHECK (export_id LIKE 'export\_%'),
    kind            text NOT NULL CHECK (length(kind) BETWEEN 1 AND 40),
    period_from     timestamptz NOT NULL,
    period_to       timestamptz NOT NULL CHECK (period_to > period_from),
    digest          bytea NOT NULL CHECK (length(digest) = 32),
    exported_at     timestamptz NOT NULL,
    exported_by     text NOT NULL CHECK (length(exported_by) BETWEEN 1 AND 320)
);
CREATE INDEX delivered_exports_by_period ON delivered_exports (period_to, kind);
CREATE TRIGGER delivered_exports_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON delivered_exports
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A closing is a fact but for its being opened again, once; the newest first.
CREATE FUNCTION guard_closings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.reopened_at IS NULL AND NEW.reopened_at IS NOT NULL
        AND to_jsonb(NEW) - ARRAY['reopened_at', 'reopened_by', 'reopen_reason']
          = to_jsonb(OLD) - ARRAY['reopened_at', 'reopened_by', 'reopen_reason']
        AND NOT EXISTS (SELECT FROM book_closings WHERE reopened_at IS NULL AND period_to > OLD.period_to)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a closing is a fact: it is reopened once, the newest first' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER book_closings_are_guarded BEFORE UPDATE ON book_closings
    FOR EACH ROW EXECUTE FUNCTION guard_closings();
CREATE TRIGGER book_closings_are_facts BEFORE DELETE OR TRUNCATE ON book_closings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The lock is a CHECK with the instant in it, so that it costs requests nothing, and nobody who wrote at the same
-- time slips past it. What was there before is not looked at. A restore copies book_closings after transactions.
CREATE FUNCTION lock_closed_periods() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    locked_until timestamptz;
BEGIN
    SELECT max(period_to) INTO locked_until FROM book_closings WHERE reopened_at IS NULL;
    ALTER TABLE transactions DROP CONSTRAINT IF EXISTS transactions_after_closing;
    IF locked_until IS NOT NULL THEN
        EXECUTE format(
            'ALTER TABLE transactions ADD CONSTRAINT transactions_after_closing CHECK (posted_at >= %L::timestamptz) NOT VALID',
            locked_until);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER book_closings_lock AFTER INSERT OR UPDATE ON book_closings
    FOR EACH STATEMENT EXECUTE FUNCTION lock_closed_periods();

-- From here on: what was charged, and reversed, before.
UPDATE usage_quarters AS r SET on_credit_nano = s.on_credit_nano
FROM (
    SELECT c.organization_id, quarter_of(e.occurred_at) AS quarter_at, c.workspace_id, c.key_id, c.model,
           e.service_tier, e.inference_geo, e.speed,
           context_window_of(e.input_tokens + e.cache_creation_5m_input_tokens
                             + e.cache_creation_1h_input_tokens + e.cache_read_input_tokens) AS context_window,
           sum(on_credit_part(c.net_nano, c.draws))::bigint AS on_credit_nano
    FROM charges AS c JOIN usage_events AS e USING (request_id)
    WHERE c.state = 'settled' AND e.state = 'accepted'
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
) AS s
WHERE s.on_credit_nano <> 0
  AND (r.organization_id, r.quarter_at, r.workspace_id, r.key_id, r.model)
    = (s.organization_id, s.quarter_at, s.workspace_id, s.key_id, s.model)
  AND (r.service_tier, r.inference_geo, r.speed, r.context_window)
    = (s.service_tier, s.inference_geo, s.speed, s.context_window);

UPDATE usage_rollups AS r SET on_credit_nano = s.on_credit_nano
FROM (
    SELECT organization_id, (quarter_at AT TIME ZONE 'UTC')::date AS day_on, workspace_id, key_id, model,
           service_tier, inference_geo, speed, context_window, sum(on_credit_nano)::bigint AS on_credit_nano
    FROM usage_quarters GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
) AS s
WHERE s.on_credit_nano <> 0
  AND (r.organization_id, r.day_on, r.workspace_id, r.key_id, r.model)
    = (s.organization_id, s.day_on, s.workspace_id, s.key_id, s.model)
  AND (r.service_tier, r.inference_geo, r.speed, r.context_window)
    = (s.service_tier, s.inference_geo, s.speed, s.context_window);

UPDATE reversal_rollups AS r SET on_credit_nano = s.on_credit_nano
FROM (
    SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed,
           context_window, sum(on_credit_nano)::bigint AS on_credit_nano
    FROM counted_reversals GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
) AS s
WHERE s.on_credit_nano <> 0
  AND (r.organization_id, r.quarter_at, r.workspace_id, r.key_id, r.model)
    = (s.organization_id, s.quarter_at, s.workspace_id, s.key_id, s.model)
  AND (r.service_tier, r.inference_geo, r.speed, r.context_window)
    = (s.service_tier, s.inference_geo, s.speed, s.context_window);
