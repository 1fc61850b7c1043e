-- Lots with a cost basis, a clock that starts with the first use, and an end by hand; what is done to
-- credit by hand, once each; trials and who had one; credit limits; the operator's inbox; the audit log.

-- What was sold before had no cost basis on record: it was sold at its face value.
UPDATE lots SET cost_basis_nano = granted_nano WHERE kind IN ('commit', 'paid');
ALTER TABLE lots
    ADD COLUMN first_use_days integer CHECK (first_use_days > 0),
    ADD COLUMN revoked_at timestamptz,
    ADD CONSTRAINT lots_cost_at_most_their_credit CHECK (cost_basis_nano <= granted_nano);

-- An invoiced organization may owe up to a limit. In balances, because holds are decided on that row.
ALTER TABLE organizations ADD COLUMN kind text NOT NULL DEFAULT 'prepaid' CHECK (kind IN ('prepaid', 'invoiced'));
ALTER TABLE balances ADD COLUMN credit_limit_nano bigint NOT NULL DEFAULT 0 CHECK (credit_limit_nano >= 0);

-- What of a lot may change besides its amounts; seldom, so it is no part of write_books. Its caller has
-- the lock on the organization's balances.
CREATE FUNCTION write_lot_terms(lot_terms json) RETURNS void LANGUAGE sql AS $$
    UPDATE lots AS l SET cost_basis_nano = n.cost_basis_nano, first_use_days = n.first_use_days,
        expires_at = n.expires_at, revoked_at = n.revoked_at
    FROM json_populate_recordset(NULL::lots, lot_terms) AS n WHERE l.lot_id = n.lot_id;
$$;

-- What was asked for under an idempotency key, and what came of it: the same again answers the same,
-- something else under the same key is refused.
CREATE TABLE credit_requests (
    organization_id uuid NOT NULL REFERENCES organizations,
    idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 200),
    digest          bytea NOT NULL CHECK (octet_length(digest) = 32),
    outcome         text NOT NULL,
    requested_at    timestamptz NOT NULL,
    PRIMARY KEY (organization_id, idempotency_key)
);
CREATE TRIGGER credit_requests_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_requests
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A charge that was undone, at most once. draws: what each lot got back, in the order in which it did;
-- '' is the credit limit. owed_nano is what no lot had paid.
CREATE TABLE reversals (
    request_id      text PRIMARY KEY REFERENCES charges,
    organization_id uuid NOT NULL REFERENCES organizations,
    amount_nano     bigint NOT NULL CHECK (amount_nano > 0),
    owed_nano       bigint NOT NULL CHECK (owed_nano >= 0),
    draws           jsonb NOT NULL,
    reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    approved_by     text NOT NULL CHECK (length(approved_by) BETWEEN 1 AND 320),
    transaction_id  text NOT NULL,
    reversed_at     timestamptz NOT NULL
);
CREATE INDEX reversals_by_organization ON reversals (organization_id, reversed_at);
CREATE TRIGGER reversals_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON reversals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Who had a trial: a mail domain, or an address where the domain is everybody's.
CREATE TABLE trial_claims (
    organization_id uuid PRIMARY KEY REFERENCES organizations,
    subject         text NOT NULL,
    lot_id          text NOT NULL REFERENCES lots,
    claimed_at      timestamptz NOT NULL
);
CREATE INDEX trial_claims_by_subject ON trial_claims (subject, claimed_at);
CREATE TRIGGER trial_claims_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON trial_claims
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What waits for the operator's word.
CREATE TABLE inbox_items (
    item_id         text PRIMARY KEY CHECK (item_id LIKE 'inbox\_%'),
    kind            text NOT NULL CHECK (kind IN ('contact_sales')),
    email           text NOT NULL CHECK (length(email) BETWEEN 3 AND 320),
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    company         text NOT NULL CHECK (length(company) <= 200),
    message         text NOT NULL CHECK (length(message) BETWEEN 1 AND 4000),
    state           text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'approved', 'declined')),
    created_at      timestamptz NOT NULL,
    decided_at      timestamptz,
    decided_by      text,
    reason          text,
    organization_id uuid REFERENCES organizations,
    lot_id          text REFERENCES lots,
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK ((state = 'open') = (decided_by IS NULL)),
    CHECK ((state = 'open') = (reason IS NULL)),
    CHECK ((state = 'approved') = (lot_id IS NOT NULL)),
    CHECK ((state = 'approved') = (organization_id IS NOT NULL))
);
CREATE INDEX inbox_items_open ON inbox_items (item_id) WHERE state = 'open';

-- Who changed what that touches money. Written in the transaction of the change itself.
CREATE TABLE audit_entries (
    audit_id        text PRIMARY KEY CHECK (audit_id LIKE 'audit\_%'),
    occurred_at     timestamptz NOT NULL,
    actor_kind      text NOT NULL CHECK (actor_kind IN ('operator', 'member', 'key', 'system')),
    actor           text NOT NULL CHECK (length(actor) BETWEEN 1 AND 320),
    action          text NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
    subject         text NOT NULL,
    organization_id uuid,
    details         jsonb NOT NULL
);
CREATE INDEX audit_entries_by_organization ON audit_entries (organization_id, audit_id DESC);
CREATE TRIGGER audit_entries_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
