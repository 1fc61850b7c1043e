-- What somebody should be told: events, who gets them, and how far their delivery is.
--
-- An event is written in the transaction of what happened, so that both are there or neither. Fanning
-- it out to endpoints and addresses, and every call of the outside, come later: a claim is committed
-- first, the call made, its result written last.

-- organization_id is NULL for what concerns the operator. The dedup_key says which happening it is, so
-- that whoever finds it again writes nothing.
CREATE TABLE events (
    event_id        text PRIMARY KEY CHECK (event_id LIKE 'evt\_%'),
    organization_id uuid REFERENCES organizations,
    type            text NOT NULL CHECK (type ~ '^[a-z0-9_]+(\.[a-z0-9_]+)+$'),
    data            jsonb NOT NULL,
    emails          text[] NOT NULL,
    dedup_key       text NOT NULL UNIQUE CHECK (length(dedup_key) BETWEEN 1 AND 500),
    occurred_at     timestamptz NOT NULL
);
CREATE INDEX events_by_organization ON events (organization_id, event_id);
CREATE TRIGGER events_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Events that nobody has fanned out yet.
CREATE TABLE pending_events (
    event_id        text PRIMARY KEY REFERENCES events
);

-- Where a program is told. The secret has to be known to sign with it, on every node.
CREATE TABLE webhook_endpoints (
    endpoint_id     text PRIMARY KEY CHECK (endpoint_id LIKE 'whep\_%'),
    organization_id uuid REFERENCES organizations,
    url             text NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    description     text NOT NULL CHECK (length(description) <= 200),
    event_types     text[],
    secret          text NOT NULL CHECK (secret LIKE 'whsec\_%'),
    created_at      timestamptz NOT NULL,
    created_by      text NOT NULL,
    failing_since   timestamptz,
    disabled_at     timestamptz,
    disabled_reason text CHECK (disabled_reason IN ('failures', 'gone', 'asked')),
    deleted_at      timestamptz,
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL)),
    CHECK (event_types IS NULL OR cardinality(event_types) > 0)
);
CREATE INDEX webhook_endpoints_by_organization ON webhook_endpoints (organization_id, endpoint_id)
    WHERE deleted_at IS NULL;

-- One event on its way to one endpoint or one e-mail address. next_attempt_at is when somebody may
-- claim it; a claim moves it ahead by the claim's validity, so what a dead node has claimed is due again.
CREATE TABLE deliveries (
    delivery_id     text PRIMARY KEY CHECK (delivery_id LIKE 'dlv\_%'),
    event_id        text NOT NULL REFERENCES events,
    endpoint_id     text REFERENCES webhook_endpoints,
    email           text,
    created_at      timestamptz NOT NULL,
    attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at timestamptz,
    claim_id        text,
    last_attempt_at timestamptz,
    last_status     integer,
    last_problem    text CHECK (length(last_problem) <= 1000),
    last_response   text CHECK (length(last_response) <= 1000),
    delivered_at    timestamptz,
    gave_up_at      timestamptz,
    CHECK (num_nonnulls(endpoint_id, email) = 1),
    CHECK (num_nonnulls(next_attempt_at, delivered_at, gave_up_at) = 1),
    CHECK (claim_id IS NULL OR next_attempt_at IS NOT NULL)
) WITH (fillfactor = 80);
-- Fanned out once, whoever does it.
CREATE UNIQUE INDEX deliveries_one_endpoint ON deliveries (event_id, endpoint_id) WHERE endpoint_id IS NOT NULL;
CREATE UNIQUE INDEX deliveries_one_email ON deliveries (event_id, email) WHERE email IS NOT NULL;
CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint_id, delivery_id);
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

-- Writes an event, unless its dedup_key is there already; true if it is new. A function, so that a
-- writer of the ledger sends it along with its other statements.
CREATE FUNCTION emit_event(
    new_event_id text, new_organization_id uuid, new_type text, new_data jsonb, new_emails text[],
    new_dedup_key text, new_occurred_at timestamptz
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (event_id, organization_id, type, data, emails, dedup_key, occurred_at)
    VALUES (new_event_id, new_organization_id, new_type, new_data, new_emails, new_dedup_key, new_occurred_at)
    ON CONFLICT (dedup_key) DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO pending_events (event_id) VALUES (new_event_id);
    RETURN true;
END $$;
