-- What was tried for a request, upstream by upstream, and what each try cost the operator. Written in the
-- transaction that ends the request's hold; only where an upstream's own price is known or more than one
-- was tried. cost_nano null: unknown, which is not zero. usage: what that upstream counted, null if it did
-- not; lines: its rating at the upstream's own price, each bucket once.

CREATE TABLE upstream_attempts (
    request_id      text NOT NULL,
    attempt         integer NOT NULL CHECK (attempt BETWEEN 1 AND 100),
    organization_id uuid NOT NULL,
    model           text NOT NULL,
    upstream        text NOT NULL,
    outcome         text NOT NULL CHECK (outcome IN (
        'answered', 'refused', 'failed', 'broken_off', 'unreachable', 'timed_out', 'abandoned')),
    status          integer NOT NULL CHECK (status BETWEEN 0 AND 999),
    started_at      timestamptz NOT NULL,
    first_byte_ms   bigint NOT NULL CHECK (first_byte_ms >= 0),
    usage           jsonb,
    price_version_id text,
    price_digest    text CHECK (price_digest ~ '^sha256:[0-9a-f]{64}$'),
    lines           jsonb NOT NULL,
    cost_nano       bigint CHECK (cost_nano >= 0),
    PRIMARY KEY (request_id, attempt)
);
CREATE TRIGGER upstream_attempts_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON upstream_attempts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION write_upstream_attempts(attempts json) RETURNS void LANGUAGE sql AS $$
    INSERT INTO upstream_attempts
    SELECT * FROM json_populate_recordset(NULL::upstream_attempts, attempts)
    -- The end of a hold may be written again out of a spool.
    ON CONFLICT (request_id, attempt) DO NOTHING;
$$;
