-- Supplements of re-rating: what an invoiced organization was charged too little of in a past time, asked for by one operator
-- with a reason, approved by another, and billed on its next document. A charge stays what it was.

-- A re-rating may now be of charges of which none becomes less.
ALTER TABLE reratings DROP CONSTRAINT reratings_lower_requests_check,
    ADD CONSTRAINT reratings_lower_requests_check CHECK (lower_requests >= 0),
    DROP CONSTRAINT reratings_back_nano_check,
    ADD CONSTRAINT reratings_back_nano_check CHECK (back_nano >= 0 AND (back_nano > 0) = (lower_requests > 0));

-- digest: over every charge with what it is supplemented, so that what is posted is what was approved. done: posted, in
-- the transaction of the approval.
CREATE TABLE rerating_supplements (
    supplement_id        text PRIMARY KEY CHECK (supplement_id LIKE 'supplement\_%'),
    rerating_id     text NOT NULL REFERENCES reratings,
    organization_id uuid NOT NULL REFERENCES organizations,
    reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 300),
    requests        bigint NOT NULL CHECK (requests > 0),
    amount_nano     bigint NOT NULL CHECK (amount_nano > 0),
    digest          text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    proposed_by     text NOT NULL,
    proposed_at     timestamptz NOT NULL,
    state           text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'declined', 'done')),
    decided_by      text NOT NULL DEFAULT '',
    decided_at      timestamptz,
    transaction_id  text,
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK ((state = 'open') = (decided_by = '')),
    CHECK (state <> 'done' OR decided_by <> proposed_by),
    CHECK ((state = 'done') = (transaction_id IS NOT NULL))
);
-- Asked for once; what was declined may be asked for again.
CREATE UNIQUE INDEX rerating_supplements_once ON rerating_supplements (rerating_id, organization_id) WHERE state <> 'declined';
CREATE INDEX rerating_supplements_by_organization ON rerating_supplements (organization_id) WHERE state = 'done';
CREATE TRIGGER rerating_supplements_stay BEFORE DELETE OR TRUNCATE ON rerating_supplements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE FUNCTION decide_rerating_supplement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'open' OR (to_jsonb(NEW) - ARRAY['state', 'decided_by', 'decided_at', 'transaction_id'])
        <> (to_jsonb(OLD) - ARRAY['state', 'decided_by', 'decided_at', 'transaction_id']) THEN
        RAISE EXCEPTION 'a supplement is decided once, and stays as it was proposed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rerating_supplements_are_decided_once BEFORE UPDATE ON rerating_supplements
    FOR EACH ROW EXECUTE FUNCTION decide_rerating_supplement();

-- Of which charges: each is supplemented once for ever. held_at: the charge's, which says of which period it is.
CREATE TABLE supplemented_charges (
    request_id      text PRIMARY KEY REFERENCES charges,
    supplement_id        text NOT NULL REFERENCES rerating_supplements,
    organization_id uuid NOT NULL REFERENCES organizations,
    held_at         timestamptz NOT NULL,
    amount_nano     bigint NOT NULL CHECK (amount_nano > 0)
);
CREATE INDEX supplemented_charges_by_organization ON supplemented_charges (organization_id, held_at);
CREATE TRIGGER supplemented_charges_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON supplemented_charges
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
