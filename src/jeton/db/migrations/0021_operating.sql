-- What an operator does with organizations, and knows of them: suspend one, look at its Console without being
-- able to change anything, what it costs; webhook secrets that change without a gap; and when the books were
-- last proved.

-- New requests of a suspended organization are refused; those that run finish, and it can still sign in.
ALTER TABLE organizations
    ADD COLUMN suspended_at timestamptz,
    ADD COLUMN suspended_reason text NOT NULL DEFAULT '' CHECK (length(suspended_reason) <= 500),
    ADD CHECK ((suspended_at IS NULL) = (suspended_reason = ''));
CREATE INDEX organizations_suspended ON organizations (organization_id) WHERE suspended_at IS NOT NULL;

-- Nodes remember keys together with what their organization may do.
DROP TRIGGER organizations_announce_policy ON organizations;
CREATE TRIGGER organizations_announce_policy AFTER UPDATE OF outage_cap_nano, suspended_at ON organizations
    FOR EACH ROW EXECUTE FUNCTION announce_policy();

-- An operator's session that shows another organization's Console, to read. The digest is the session's.
CREATE TABLE viewings (
    digest          bytea PRIMARY KEY CHECK (length(digest) = 32),
    organization_id uuid NOT NULL REFERENCES organizations,
    started_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL CHECK (expires_at > started_at)
);

-- While a secret is replaced, an attempt is signed with both.
ALTER TABLE webhook_endpoints
    ADD COLUMN previous_secret text CHECK (previous_secret LIKE 'whsec\_%'),
    ADD COLUMN previous_until timestamptz,
    ADD CHECK ((previous_secret IS NULL) = (previous_until IS NULL));

-- When the books were proved, or are to be. One waits at most, and one runs at most at a time. head is one
-- digest over the ends of all chains.
CREATE TABLE ledger_proofs (
    proof_id        text PRIMARY KEY CHECK (proof_id LIKE 'proof\_%'),
    requested_at    timestamptz NOT NULL,
    requested_by    text NOT NULL CHECK (length(requested_by) BETWEEN 1 AND 320),
    started_at      timestamptz,
    seen_at         timestamptz,
    ended_at        timestamptz,
    rows_read       bigint NOT NULL DEFAULT 0 CHECK (rows_read >= 0),
    is_sound        boolean,
    counts          jsonb,
    findings        jsonb,
    findings_count  bigint,
    head            bytea CHECK (octet_length(head) = 32),
    problem         text,
    CHECK ((ended_at IS NULL) = (is_sound IS NULL AND problem IS NULL)),
    CHECK ((is_sound IS NULL) = (head IS NULL))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX ledger_proofs_one_waiting ON ledger_proofs ((true)) WHERE started_at IS NULL;
CREATE UNIQUE INDEX ledger_proofs_one_running ON ledger_proofs ((true)) WHERE started_at IS NOT NULL AND ended_at IS NULL;

-- Derived: what the requests of a UTC day cost upstream, of those whose cost is known, and what exactly these
-- were charged; a request of which one try's cost is unknown counts as unknown, with what the others cost.
CREATE TABLE cost_rollups (
    organization_id uuid NOT NULL REFERENCES organizations,
    day_on          date NOT NULL,
    model           text NOT NULL,
    requests        bigint NOT NULL CHECK (requests >= 0),
    net_nano        bigint NOT NULL CHECK (net_nano >= 0),
    cost_nano       bigint NOT NULL CHECK (cost_nano >= 0),
    unknown_requests bigint NOT NULL CHECK (unknown_requests >= 0),
    unknown_cost_nano bigint NOT NULL CHECK (unknown_cost_nano >= 0),
    PRIMARY KEY (organization_id, day_on, model)
) WITH (fillfactor = 50);

INSERT INTO cost_rollups
SELECT organization_id, day_on, model, count(*) FILTER (WHERE is_known),
       coalesce(sum(net_nano) FILTER (WHERE is_known), 0), coalesce(sum(cost_nano) FILTER (WHERE is_known), 0),
       count(*) FILTER (WHERE NOT is_known), coalesce(sum(cost_nano) FILTER (WHERE NOT is_known), 0)
FROM (
    SELECT c.organization_id, (c.held_at AT TIME ZONE 'UTC')::date AS day_on, c.model, c.net_nano,
           bool_and(a.cost_nano IS NOT NULL) AS is_known, coalesce(sum(a.cost_nano), 0)::bigint AS cost_nano
    FROM upstream_attempts AS a JOIN charges AS c USING (request_id) GROUP BY c.request_id
) AS asked GROUP BY 1, 2, 3;

-- As before, and summed up. It follows the charges of its requests in the same transaction, which has the
-- locks on their organizations' balances.
CREATE OR REPLACE FUNCTION write_upstream_attempts(attempts json) RETURNS void LANGUAGE sql AS $$
    WITH written AS (
        INSERT INTO upstream_attempts
        SELECT * FROM json_populate_recordset(NULL::upstream_attempts, attempts)
        -- The end of a hold may be written again out of a spool.
        ON CONFLICT (request_id, attempt) DO NOTHING
        RETURNING request_id, cost_nano
    ), asked AS (
        SELECT request_id, bool_and(cost_nano IS NOT NULL) AS is_known, coalesce(sum(cost_nano), 0)::bigint AS cost_nano
        FROM written GROUP BY request_id
    )
    INSERT INTO cost_rollups AS r
    SELECT c.organization_id, (c.held_at AT TIME ZONE 'UTC')::date, c.model, count(*) FILTER (WHERE a.is_known),
           coalesce(sum(c.net_nano) FILTER (WHERE a.is_known), 0), coalesce(sum(a.cost_nano) FILTER (WHERE a.is_known), 0),
           count(*) FILTER (WHERE NOT a.is_known), coalesce(sum(a.cost_nano) FILTER (WHERE NOT a.is_known), 0)
    FROM asked AS a JOIN charges AS c USING (request_id)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (organization_id, day_on, model) DO UPDATE SET
        requests = r.requests + excluded.requests, net_nano = r.net_nano + excluded.net_nano,
        cost_nano = r.cost_nano + excluded.cost_nano,
        unknown_requests = r.unknown_requests + excluded.unknown_requests,
        unknown_cost_nano = r.unknown_cost_nano + excluded.unknown_cost_nano;
$$;

-- An alarm when the books are not sound.
ALTER TABLE alarms
    DROP CONSTRAINT alarms_code_check,
    ADD CONSTRAINT alarms_code_check CHECK (code IN ('bound_exceeded', 'tokenizer_demoted', 'ledger_unsound'));
