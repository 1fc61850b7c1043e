-- What closings keep of lots, so that deferred revenue is read from the journal since the last one only; and sums of
-- what token classes were charged at and cost upstream.

-- What of each lot moved in a stretch of the journal, [since, until): the one place that says what a posting that
-- names a lot means. left_nano and held_nano are credit at its face value (what is held is left as well); the other
-- amounts are cost: bought, less used (revenue), expired (breakage), disputed and refunded, is what is deferred.
CREATE FUNCTION lot_movements(since timestamptz, until timestamptz, whose uuid) RETURNS TABLE (
    organization_id uuid, lot_id text, left_nano bigint, held_nano bigint, bought_nano bigint, used_nano bigint,
    refunded_nano bigint, disputed_nano bigint, expired_nano bigint
) LANGUAGE sql STABLE AS $$
    SELECT l.organization_id, l.lot_id, m.left_nano, m.held_nano,
           CASE WHEN m.is_filled THEN l.cost_basis_nano ELSE 0 END, m.used_nano, m.refunded_nano, m.disputed_nano,
           m.expired_nano
    FROM (
        SELECT p.lot_id,
               coalesce(-sum(p.nano) FILTER (WHERE p.account IN ('credit:paid', 'credit:free', 'held')), 0)::bigint
                   AS left_nano,
               coalesce(-sum(p.nano) FILTER (WHERE p.account = 'held'), 0)::bigint AS held_nano,
               coalesce(bool_or(true) FILTER (
                   WHERE p.account = 'credit:paid' AND t.movement IN ('grant', 'top_up')), false) AS is_filled,
               coalesce(-sum(p.nano) FILTER (WHERE p.account = 'revenue'), 0)::bigint AS used_nano,
               coalesce(-sum(p.nano) FILTER (WHERE t.movement <> 'dispute' AND p.account NOT IN (
                   'credit:paid', 'credit:free', 'held', 'promotion', 'revenue', 'breakage')), 0)::bigint
                   AS refunded_nano,
               coalesce(-sum(p.nano) FILTER (WHERE t.movement = 'dispute' AND p.account NOT IN (
                   'credit:paid', 'credit:free', 'held', 'promotion', 'revenue', 'breakage')), 0)::bigint
                   AS disputed_nano,
               coalesce(-sum(p.nano) FILTER (WHERE p.account = 'breakage'), 0)::bigint AS expired_nano
        FROM transactions AS t
        CROSS JOIN LATERAL unnest(t.accounts, t.lots, t.amounts) AS p (account, lot_id, nano)
        WHERE t.posted_at >= since AND t.posted_at < until AND (whose IS NULL OR t.organization_id = whose)
          AND p.lot_id <> ''
        GROUP BY p.lot_id
    ) AS m JOIN lots AS l USING (lot_id)
$$;

-- The stretch of the journal whose lots a closing kept: from where the one kept before it ended (NULL: from ever
-- on) until its own end. deferred_nano: what was deferred at the end. Written once, after the closing.
CREATE TABLE lot_closings (
    closing_id      text PRIMARY KEY REFERENCES book_closings,
    kept_from       timestamptz,
    kept_to         timestamptz NOT NULL CHECK (kept_to > kept_from),
    deferred_nano   bigint NOT NULL
);
CREATE TRIGGER lot_closings_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON lot_closings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What of a lot moved in that stretch; what did not move has no row.
CREATE TABLE closed_lots (
    closing_id      text NOT NULL REFERENCES lot_closings,
    organization_id uuid NOT NULL REFERENCES organizations,
    lot_id          text NOT NULL REFERENCES lots,
    left_nano       bigint NOT NULL,
    held_nano       bigint NOT NULL,
    bought_nano     bigint NOT NULL,
    used_nano       bigint NOT NULL,
    refunded_nano   bigint NOT NULL,
    disputed_nano   bigint NOT NULL,
    expired_nano    bigint NOT NULL,
    PRIMARY KEY (closing_id, organization_id, lot_id)
);
CREATE TRIGGER closed_lots_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON closed_lots
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Derived: of the requests of a UTC day whose whole cost upstream is known (as in cost_rollups), by token class: the
-- tokens that were charged and what for, and the tokens that upstreams were paid for and what they cost.
CREATE TABLE cost_classes (
    organization_id uuid NOT NULL REFERENCES organizations,
    day_on          date NOT NULL,
    model           text NOT NULL,
    bucket          text NOT NULL,
    sold            bigint NOT NULL CHECK (sold >= 0),
    net_nano        bigint NOT NULL CHECK (net_nano >= 0),
    bought          bigint NOT NULL CHECK (bought >= 0),
    cost_nano       bigint NOT NULL CHECK (cost_nano >= 0),
    PRIMARY KEY (organization_id, day_on, model, bucket)
) WITH (fillfactor = 50);

-- The same, of the facts.
CREATE VIEW found_cost_classes AS
    WITH known AS (
        SELECT c.request_id, c.organization_id, (c.held_at AT TIME ZONE 'UTC')::date AS day_on, c.model, c.lines
        FROM charges AS c JOIN (
            SELECT request_id FROM upstream_attempts GROUP BY request_id HAVING bool_and(cost_nano IS NOT NULL)
        ) AS asked USING (request_id)
    ), parts AS (
        SELECT organization_id, day_on, model, l.bucket, l.quantity AS sold, l.net_nano, 0 AS bought, 0 AS cost_nano
        FROM known CROSS JOIN LATERAL jsonb_to_recordset(lines) AS l (bucket text, quantity bigint, net_nano bigint)
        UNION ALL
        SELECT organization_id, day_on, known.model, l.bucket, 0, 0, l.quantity, l.net_nano
        FROM known JOIN upstream_attempts AS a USING (organization_id, request_id)
        CROSS JOIN LATERAL jsonb_to_recordset(a.lines) AS l (bucket text, quantity bigint, net_nano bigint)
    )
    SELECT organization_id, day_on, model, bucket, sum(sold)::bigint AS sold, sum(net_nano)::bigint AS net_nano,
           sum(bought)::bigint AS bought, sum(cost_nano)::bigint AS cost_nano
    FROM parts WHERE sold > 0 OR bought > 0 GROUP BY organization_id, day_on, model, bucket;

INSERT INTO cost_classes SELECT * FROM found_cost_classes;

-- As in 0021, and by token class.
CREATE OR REPLACE FUNCTION write_upstream_attempts(attempts json) RETURNS void LANGUAGE sql AS $$
    WITH written AS (
        INSERT INTO upstream_attempts
        SELECT * FROM json_populate_recordset(NULL::upstream_attempts, attempts)
        -- The end of a hold may be written again out of a spool.
        ON CONFLICT (request_id, attempt) DO NOTHING
        RETURNING request_id, cost_nano, lines
    ), asked AS MATERIALIZED (
        SELECT c.request_id, c.organization_id, (c.held_at AT TIME ZONE 'UTC')::date AS day_on, c.model, c.net_nano,
               c.lines, a.is_known, a.cost_nano
        FROM (
            SELECT request_id, bool_and(cost_nano IS NOT NULL) AS is_known,
                   coalesce(sum(cost_nano), 0)::bigint AS cost_nano
            FROM written GROUP BY request_id
        ) AS a JOIN charges AS c USING (request_id)
    ), parts AS (
        SELECT organization_id, day_on, model, l.bucket, l.quantity AS sold, l.net_nano, 0 AS bought, 0 AS cost_nano
        FROM asked CROSS JOIN LATERAL jsonb_to_recordset(lines) AS l (bucket text, quantity bigint, net_nano bigint)
        WHERE is_known
        UNION ALL
        SELECT organization_id, day_on, model, l.bucket, 0, 0, l.quantity, l.net_nano
        FROM asked JOIN written AS w USING (request_id)
        CROSS JOIN LATERAL jsonb_to_recordset(w.lines) AS l (bucket text, quantity bigint, net_nano bigint)
        WHERE is_known
    ), classes AS (
        INSERT INTO cost_classes AS r
        SELECT organization_id, day_on, model, bucket, sum(sold), sum(net_nano), sum(bought), sum(cost_nano)
        FROM parts WHERE sold > 0 OR bought > 0 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        ON CONFLICT (organization_id, day_on, model, bucket) DO UPDATE SET
            sold = r.sold + excluded.sold, net_nano = r.net_nano + excluded.net_nano,
            bought = r.bought + excluded.bought, cost_nano = r.cost_nano + excluded.cost_nano
    )
    INSERT INTO cost_rollups AS r
    SELECT organization_id, day_on, model, count(*) FILTER (WHERE is_known),
           coalesce(sum(net_nano) FILTER (WHERE is_known), 0), coalesce(sum(cost_nano) FILTER (WHERE is_known), 0),
           count(*) FILTER (WHERE NOT is_known), coalesce(sum(cost_nano) FILTER (WHERE NOT is_known), 0)
    FROM asked GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (organization_id, day_on, model) DO UPDATE SET
        requests = r.requests + excluded.requests, net_nano = r.net_nano + excluded.net_nano,
        cost_nano = r.cost_nano + excluded.cost_nano,
        unknown_requests = r.unknown_requests + excluded.unknown_requests,
        unknown_cost_nano = r.unknown_cost_nano + excluded.unknown_cost_nano;
$$;
