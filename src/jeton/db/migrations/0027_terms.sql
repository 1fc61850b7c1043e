-- Terms: what an organization has agreed on, discounts and prices of its own, each with its dates.

-- content: what decides an amount, as jeton.pricing reads it (a factor, or rates by tier and bucket). In force
-- half-open at quarters of an hour, so that every sum of a quarter was rated under one agreement. approved_by:
-- who agreed to it, which need not be who entered it.
CREATE TABLE terms (
    terms_id        text PRIMARY KEY CHECK (terms_id LIKE 'terms\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    scope           text NOT NULL CHECK (scope = 'all' OR scope ~ '^(model|line):.{1,200}$'),
    content         jsonb NOT NULL CHECK (content ->> 'scope' = scope),
    effective_from  timestamptz NOT NULL CHECK (effective_from = quarter_of(effective_from)),
    effective_to    timestamptz CHECK (effective_to = quarter_of(effective_to)),
    reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    created_at      timestamptz NOT NULL,
    created_by      text NOT NULL,
    approved_by     text NOT NULL CHECK (length(approved_by) BETWEEN 1 AND 200),
    ended_at        timestamptz,
    ended_by        text,
    end_reason      text CHECK (length(end_reason) BETWEEN 1 AND 500),
    CONSTRAINT terms_begin_before_they_end CHECK (effective_to >= effective_from),
    CONSTRAINT terms_end_whole CHECK (num_nulls(ended_at, ended_by, end_reason) IN (0, 3)),
    CONSTRAINT terms_are_not_backdated CHECK (effective_from > created_at)
);
CREATE INDEX terms_by_organization ON terms (organization_id, terms_id);

-- A row is never changed. It may be ended, once: from an instant on that is still to come, and earlier than
-- was agreed. Two rows for the same never apply at one instant; whoever inserts holds the lock of the organization.
CREATE FUNCTION guard_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL
            AND NEW.effective_to < coalesce(OLD.effective_to, 'infinity')
            AND NEW.effective_to > NEW.ended_at
            AND (NEW.terms_id, NEW.organization_id, NEW.scope, NEW.content, NEW.effective_from, NEW.reason,
                 NEW.created_at, NEW.created_by, NEW.approved_by)
              = (OLD.terms_id, OLD.organization_id, OLD.scope, OLD.content, OLD.effective_from, OLD.reason,
                 OLD.created_at, OLD.created_by, OLD.approved_by)
        THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'terms are facts: they are ended or followed, never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (
        SELECT FROM terms AS t
        WHERE t.organization_id = NEW.organization_id AND t.scope = NEW.scope
          AND t.effective_to IS DISTINCT FROM t.effective_from
          AND t.effective_from < coalesce(NEW.effective_to, 'infinity')
          AND NEW.effective_from < coalesce(t.effective_to, 'infinity')
    ) THEN
        RAISE EXCEPTION 'terms for the same overlap' USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER terms_are_guarded BEFORE INSERT OR UPDATE ON terms
    FOR EACH ROW EXECUTE FUNCTION guard_terms();
CREATE TRIGGER terms_are_facts BEFORE DELETE OR TRUNCATE ON terms
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION notify_terms_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('jeton_terms', NEW.organization_id::text);
    RETURN NULL;
END $$;
CREATE TRIGGER terms_notify AFTER INSERT OR UPDATE ON terms
    FOR EACH ROW EXECUTE FUNCTION notify_terms_changed();

-- Which terms a request is under is decided with its hold and stays so; NULL: the published prices.
ALTER TABLE holds ADD COLUMN terms_id text;
ALTER TABLE charges ADD COLUMN terms_id text;
ALTER TABLE batch_pools ADD COLUMN terms_id text;

-- As in 0012, and of what stays the terms, too.
CREATE OR REPLACE FUNCTION refuse_known_charge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'unconfirmed' AND NEW.state = 'settled'
        AND (NEW.request_id, NEW.organization_id, NEW.workspace_id, NEW.key_id, NEW.model, NEW.upstream,
             NEW.price_version_id, NEW.is_rehearsal, NEW.held_nano, NEW.hold_transaction_id, NEW.held_at)
          = (OLD.request_id, OLD.organization_id, OLD.workspace_id, OLD.key_id, OLD.model, OLD.upstream,
             OLD.price_version_id, OLD.is_rehearsal, OLD.held_nano, OLD.hold_transaction_id, OLD.held_at)
        AND NEW.terms_id IS NOT DISTINCT FROM OLD.terms_id
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'charges are facts: they are never changed' USING ERRCODE = 'restrict_violation';
END $$;

-- As in 0017, and a pool knows the terms that its items are under.
CREATE OR REPLACE FUNCTION start_batch(started text, held bigint, pools json) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    now_served integer;
    last_own   integer;
BEGIN
    SELECT coalesce(min(turn), 0) INTO now_served FROM batch_chunks WHERE finished_at IS NULL AND turn IS NOT NULL;
    SELECT max(c.turn) INTO last_own FROM batch_chunks AS c JOIN batches AS b USING (batch_id)
        WHERE c.finished_at IS NULL AND c.turn IS NOT NULL
          AND b.organization_id = (SELECT organization_id FROM batches WHERE batch_id = started);
    UPDATE batch_chunks SET turn = greatest(now_served, coalesce(last_own + 1, now_served)) + chunk_no
        WHERE batch_id = started;
    UPDATE batches SET state = 'in_progress', held_nano = held,
        (items, chunks) = (SELECT coalesce(sum(c.items), 0), count(*) FROM batch_chunks AS c WHERE c.batch_id = started)
        WHERE batch_id = started;
    INSERT INTO batch_pools (pool_id, batch_id, model, price_version_id, taken_nano, open_nano, terms_id)
        SELECT pool_id, started, model, price_version_id, taken_nano, taken_nano, terms_id
        FROM json_populate_recordset(NULL::batch_pools, pools);
    PERFORM check_batch_pools(ARRAY(SELECT pool_id FROM batch_pools WHERE batch_id = started));
END $$;

-- When an organization went from paying ahead (standard) to being invoiced (enterprise), or back: what stood
-- then, and which last documents billed what it owed. accrued_nano: used or held on credit and not invoiced.
CREATE TABLE switches (
    switch_id       text PRIMARY KEY CHECK (switch_id LIKE 'switch\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    to_kind         text NOT NULL CHECK (to_kind IN ('prepaid', 'invoiced')),
    switched_at     timestamptz NOT NULL,
    switched_by     text NOT NULL,
    reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    limit_nano      bigint NOT NULL CHECK ((limit_nano > 0) = (to_kind = 'invoiced')),
    net_days        smallint,
    lots_nano       bigint NOT NULL CHECK (lots_nano >= 0),
    held_nano       bigint NOT NULL CHECK (held_nano >= 0),
    accrued_nano    bigint NOT NULL,
    item_id         text REFERENCES inbox_items,
    -- Once the last document is issued, where something was to be billed.
    document_ids    text[],
    documented_at   timestamptz,
    CHECK ((document_ids IS NULL) = (documented_at IS NULL)),
    CHECK (documented_at IS NULL OR to_kind = 'prepaid')
);
CREATE INDEX switches_by_organization ON switches (organization_id, switch_id);
CREATE INDEX switches_undocumented ON switches (switch_id) WHERE to_kind = 'prepaid' AND documented_at IS NULL;
