-- A book that a node has in memory may be written without reading it again, as long as nobody else
-- wrote it meanwhile. Each write of a balances row counts it up and names the version it was decided on.

ALTER TABLE balances ADD COLUMN version bigint NOT NULL DEFAULT 0;

-- The ledger is a chain of hashes, one chain an organization: each transaction's digest covers its content
-- and the digest before it, and the balances row keeps the end. Whoever changes, removes or slips in a row
-- has to change every digest after it, and the end, which `jeton ledger verify` prints for safe keeping.
ALTER TABLE balances
    ADD COLUMN chain_length bigint NOT NULL DEFAULT 0,
    ADD COLUMN chain_digest bytea NOT NULL DEFAULT '\x' CHECK (octet_length(chain_digest) IN (0, 32));
ALTER TABLE transactions
    ADD COLUMN sequence bigint,
    ADD COLUMN digest bytea CHECK (octet_length(digest) = 32);

-- What is already booked is chained in the order of its ids, which is the order of time.
ALTER TABLE transactions DISABLE TRIGGER transactions_are_facts;
DO $$
DECLARE
    entry record;
    length bigint;
    previous bytea;
BEGIN
    FOR entry IN SELECT * FROM transactions ORDER BY organization_id, transaction_id LOOP
        SELECT chain_length + 1, chain_digest INTO length, previous
            FROM balances WHERE organization_id = entry.organization_id;
        previous := sha256(previous || convert_to(concat_ws(E'\n',
            length, entry.transaction_id, entry.organization_id, entry.movement,
            coalesce(entry.request_id, ''), array_to_string(entry.accounts, ','),
            array_to_string(entry.lots, ','), array_to_string(entry.amounts, ','),
            (extract(epoch FROM entry.posted_at) * 1000000)::bigint, entry.reason), 'UTF8'));
        UPDATE transactions SET sequence = length, digest = previous
            WHERE transaction_id = entry.transaction_id;
        UPDATE balances SET chain_length = length, chain_digest = previous
            WHERE organization_id = entry.organization_id;
    END LOOP;
END $$;
ALTER TABLE transactions ENABLE TRIGGER transactions_are_facts;
ALTER TABLE transactions ALTER COLUMN sequence SET NOT NULL, ALTER COLUMN digest SET NOT NULL;

-- As in 0005, with one check more: what was decided on an older version is refused as a whole.
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
        INSERT INTO usage_rollups AS r
        SELECT * FROM json_populate_recordset(NULL::usage_rollups, new_rollups)
        ORDER BY organization_id, day_on, workspace_id, key_id, model, service_tier
        ON CONFLICT (organization_id, day_on, workspace_id, key_id, model, service_tier) DO UPDATE SET
            requests = r.requests + excluded.requests,
            input_tokens = r.input_tokens + excluded.input_tokens,
            cache_creation_5m_input_tokens =
                r.cache_creation_5m_input_tokens + excluded.cache_creation_5m_input_tokens,
            cache_creation_1h_input_tokens =
                r.cache_creation_1h_input_tokens + excluded.cache_creation_1h_input_tokens,
            cache_read_input_tokens = r.cache_read_input_tokens + excluded.cache_read_input_tokens,
            output_tokens = r.output_tokens + excluded.output_tokens,
            web_search_requests = r.web_search_requests + excluded.web_search_requests,
            list_nano = r.list_nano + excluded.list_nano,
            saved_batch_nano = r.saved_batch_nano + excluded.saved_batch_nano,
            saved_cache_nano = r.saved_cache_nano + excluded.saved_cache_nano,
            saved_tier_nano = r.saved_tier_nano + excluded.saved_tier_nano,
            saved_negotiated_nano = r.saved_negotiated_nano + excluded.saved_negotiated_nano,
            saved_promotion_nano = r.saved_promotion_nano + excluded.saved_promotion_nano,
            net_nano = r.net_nano + excluded.net_nano;
    END IF;
END $$;
