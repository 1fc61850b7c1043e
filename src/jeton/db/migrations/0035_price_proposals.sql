-- Proposed prices: a price file that one operator proposes and another approves. The book itself comes from
-- files; this is who wanted what in it, what it would have done to a month of usage, and who agreed.
CREATE TABLE price_proposals (
    proposal_id      text PRIMARY KEY CHECK (proposal_id LIKE 'prp\_%'),
    file_name        text NOT NULL CHECK (length(file_name) BETWEEN 1 AND 200),
    content          text NOT NULL CHECK (length(content) BETWEEN 1 AND 1000000),
    digest           text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    -- Of what it adds to the book, by id: the digest of each price version.
    price_versions   jsonb NOT NULL,
    reason           text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    -- As it was when it was proposed: what a month of usage would have come to.
    simulation       jsonb NOT NULL,
    proposed_by      text NOT NULL,
    proposed_at      timestamptz NOT NULL,
    state            text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'approved', 'declined')),
    decided_by       text NOT NULL DEFAULT '',
    decided_at       timestamptz,
    decided_reason   text NOT NULL DEFAULT '' CHECK (length(decided_reason) <= 500),
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK ((state = 'open') = (decided_by = '')),
    -- Two people: whoever proposes may take it back, and never approve it.
    CHECK (state <> 'approved' OR decided_by <> proposed_by)
);
CREATE TRIGGER price_proposals_stay BEFORE DELETE OR TRUNCATE ON price_proposals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What was proposed is never changed, and decided once.
CREATE FUNCTION decide_price_proposal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'open'
        OR (NEW.proposal_id, NEW.file_name, NEW.content, NEW.digest, NEW.price_versions, NEW.reason,
            NEW.simulation, NEW.proposed_by, NEW.proposed_at)
        IS DISTINCT FROM (OLD.proposal_id, OLD.file_name, OLD.content, OLD.digest, OLD.price_versions, OLD.reason,
            OLD.simulation, OLD.proposed_by, OLD.proposed_at)
    THEN
        RAISE EXCEPTION 'price_proposals: what was proposed stays, and is decided once';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER price_proposals_are_decided_once BEFORE UPDATE ON price_proposals
    FOR EACH ROW EXECUTE FUNCTION decide_price_proposal();

-- Re-ratings: the charges of a time at another price of their model, proposed by one operator after a dry run and
-- approved by another. What becomes less goes back, charge by charge, as reversals; nothing becomes more.
CREATE TABLE reratings (
    rerating_id      text PRIMARY KEY CHECK (rerating_id LIKE 'rrt\_%'),
    model            text NOT NULL,
    price_version_id text NOT NULL REFERENCES price_versions,
    from_at          timestamptz NOT NULL,
    until_at         timestamptz NOT NULL CHECK (until_at > from_at),
    -- Of one organization, or (NULL) of all.
    organization_id  uuid REFERENCES organizations,
    reason           text NOT NULL CHECK (length(reason) BETWEEN 1 AND 300),
    dry_run          jsonb NOT NULL,
    -- Over every charge with both amounts: what is posted is what was approved.
    digest           text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    lower_requests   bigint NOT NULL CHECK (lower_requests > 0),
    back_nano        bigint NOT NULL CHECK (back_nano > 0),
    proposed_by      text NOT NULL,
    proposed_at      timestamptz NOT NULL,
    state            text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'declined', 'approved', 'done')),
    decided_by       text NOT NULL DEFAULT '',
    decided_at       timestamptz,
    posted_requests  bigint NOT NULL DEFAULT 0 CHECK (posted_requests BETWEEN 0 AND lower_requests),
    posted_nano      bigint NOT NULL DEFAULT 0 CHECK (posted_nano BETWEEN 0 AND back_nano),
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK ((state = 'open') = (decided_by = '')),
    CHECK (state NOT IN ('approved', 'done') OR decided_by <> proposed_by),
    CHECK (state IN ('approved', 'done') OR posted_requests = 0)
);
CREATE TRIGGER reratings_stay BEFORE DELETE OR TRUNCATE ON reratings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
