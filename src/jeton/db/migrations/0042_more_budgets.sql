-- Budgets of a member, a model, an end user and a tag, beside those of the organization, a workspace and a key.

ALTER TABLE budgets DROP CONSTRAINT budgets_scope_check,
    ADD CONSTRAINT budgets_scope_check
        CHECK (scope IN ('organization', 'workspace', 'key', 'member', 'model', 'end_user', 'tag')),
    ADD CHECK (scope = 'organization' OR length(scope_id) BETWEEN 1 AND 256);

-- Whose an API key is: from owned_from until just before owned_until, half-open. A hold is its owner's of the
-- instant at which it was taken, for ever; so what a member was charged follows from here and names no member
-- elsewhere. The first owner of a key has it from the epoch on, since clocks of nodes differ. A key that nobody
-- owns has no row. Whoever writes here counts up the version of the organization's book.
CREATE TABLE member_keys (
    key_id          text NOT NULL REFERENCES api_keys,
    owned_from      timestamptz NOT NULL,
    owned_until     timestamptz CHECK (owned_until > owned_from),
    organization_id uuid NOT NULL REFERENCES organizations,
    member_id       text NOT NULL CHECK (member_id LIKE 'user\_%'),
    PRIMARY KEY (key_id, owned_from)
);
CREATE UNIQUE INDEX member_keys_now ON member_keys (key_id) WHERE owned_until IS NULL;
CREATE INDEX member_keys_by_member ON member_keys (organization_id, member_id);
INSERT INTO member_keys
SELECT key_id, 'epoch', NULL, organization_id, created_by FROM api_keys
WHERE kind = 'api' AND created_by LIKE 'user\_%';

CREATE FUNCTION owns_key(member text, owned_key text, at timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM member_keys AS o WHERE o.key_id = owned_key AND o.member_id = member
                   AND o.owned_from <= at AND (o.owned_until IS NULL OR at < o.owned_until))
$$;

-- Whether a hold, or the charge that it became, counts in budgets of this scope.
CREATE FUNCTION is_counted(
    scope text, scoped_to text, of_workspace text, of_key text, of_model text, of_end_user text, of_tag text,
    at timestamptz
) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE scope
        WHEN 'organization' THEN true
        WHEN 'workspace' THEN of_workspace = scoped_to
        WHEN 'key' THEN of_key = scoped_to
        WHEN 'model' THEN of_model = scoped_to
        WHEN 'end_user' THEN of_end_user = scoped_to
        WHEN 'tag' THEN of_tag = scoped_to
        WHEN 'member' THEN owns_key(scoped_to, of_key, at)
        ELSE false
    END
$$;

-- As in 0008, with the further scopes. Whole days of a label are in sums of their own. A member's are those of the
-- keys that were its own all the time; keys that changed hands meanwhile are summed one by one.
CREATE OR REPLACE FUNCTION sum_charged(organization uuid, scope text, scoped_to text, since_at timestamptz, until_at timestamptz)
    RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    until     timestamptz := coalesce(until_at, 'infinity');
    first_day date := ((since_at AT TIME ZONE 'UTC') + interval '1 day - 1 microsecond')::date;
    last_day  date := CASE WHEN until = 'infinity' THEN 'infinity' ELSE (until AT TIME ZONE 'UTC')::date END;
    -- What is no whole day: up to here from the beginning, and from here to the end.
    head      timestamptz := CASE WHEN first_day < last_day THEN first_day::timestamp AT TIME ZONE 'UTC' ELSE until END;
    tail      timestamptz := CASE WHEN first_day < last_day THEN last_day::timestamp AT TIME ZONE 'UTC' ELSE until END;
    kept      text[];
    total     numeric := 0;
    part      numeric := 0;
BEGIN
    IF scope = 'member' THEN
        kept := ARRAY(SELECT o.key_id FROM member_keys AS o
            WHERE o.organization_id = organization AND o.member_id = scoped_to
              AND o.owned_from <= since_at AND coalesce(o.owned_until, 'infinity') >= until);
        SELECT coalesce(sum(sum_charged(organization, 'key', o.key_id, greatest(since_at, o.owned_from),
                                        least(until, o.owned_until))), 0) INTO total
            FROM member_keys AS o
            WHERE o.organization_id = organization AND o.member_id = scoped_to AND o.owned_from < until
              AND coalesce(o.owned_until, 'infinity') > since_at
              AND NOT (o.owned_from <= since_at AND coalesce(o.owned_until, 'infinity') >= until);
    END IF;
    IF first_day < last_day AND scope = 'end_user' THEN
        SELECT coalesce(sum(r.net_nano), 0) INTO part FROM labelled_days AS r
            WHERE r.organization_id = organization AND r.day_on >= first_day AND r.day_on < last_day
              AND r.end_user = scoped_to;
    ELSIF first_day < last_day AND scope = 'tag' THEN
        SELECT coalesce(sum(r.net_nano), 0) INTO part FROM labelled_days AS r
            WHERE r.organization_id = organization AND r.day_on >= first_day AND r.day_on < last_day
              AND r.tag = scoped_to;
    ELSIF first_day < last_day THEN
        SELECT coalesce(sum(r.net_nano), 0) INTO part FROM usage_rollups AS r
            WHERE r.organization_id = organization AND r.day_on >= first_day AND r.day_on < last_day
              AND CASE scope WHEN 'organization' THEN true WHEN 'workspace' THEN r.workspace_id = scoped_to
                  WHEN 'model' THEN r.model = scoped_to WHEN 'member' THEN r.key_id = ANY (kept)
                  ELSE r.key_id = scoped_to END;
    END IF;
    total := total + part;
    SELECT coalesce(sum(c.net_nano), 0) INTO part FROM charges AS c
        WHERE c.organization_id = organization
          AND (c.held_at >= since_at AND c.held_at < head OR c.held_at >= tail AND c.held_at < until)
          AND CASE scope WHEN 'organization' THEN true WHEN 'workspace' THEN c.workspace_id = scoped_to
              WHEN 'key' THEN c.key_id = scoped_to WHEN 'model' THEN c.model = scoped_to
              WHEN 'member' THEN c.key_id = ANY (kept) WHEN 'end_user' THEN c.end_user = scoped_to
              ELSE c.tag = scoped_to END;
    RETURN (total + part)::bigint;
END $$;

CREATE OR REPLACE FUNCTION sum_reversed(organization uuid, scope text, scoped_to text, since_at timestamptz, until_at timestamptz)
    RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(r.amount_nano), 0)::bigint FROM reversals AS r JOIN charges AS c USING (request_id)
    -- A reversal comes after its hold; the day is for clocks that differ.
    WHERE r.organization_id = organization AND r.reversed_at >= since_at - interval '1 day'
      AND c.held_at >= since_at AND c.held_at < coalesce(until_at, 'infinity')
      AND is_counted(scope, scoped_to, c.workspace_id, c.key_id, c.model, c.end_user, c.tag, c.held_at)
$$;

CREATE OR REPLACE FUNCTION sum_held(organization uuid, scope text, scoped_to text, since_at timestamptz, until_at timestamptz)
    RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(h.amount_nano), 0)::bigint FROM holds AS h
    WHERE h.organization_id = organization AND h.key_id <> '' AND h.taken_at >= since_at AND h.taken_at < coalesce(until_at, 'infinity')
      AND is_counted(scope, scoped_to, h.workspace_id, h.key_id, h.model, h.end_user, h.tag, h.taken_at)
$$;

-- As in 0008; a member's budget comes with the keys that were the member's own since it counts.
CREATE OR REPLACE FUNCTION read_budgets(locked json, request_ids text[], OUT budgets json, OUT windows json)
    LANGUAGE plpgsql AS $$
DECLARE
    organization_ids uuid[] := ARRAY(SELECT (b ->> 'organization_id')::uuid FROM json_array_elements(locked) AS b);
BEGIN
    SELECT json_agg(CASE WHEN b.scope <> 'member' THEN row_to_json(b) ELSE (to_jsonb(b) || jsonb_build_object(
            'keys', list_owned_keys(b.organization_id, b.scope_id, b.counted_from)))::json END)
        INTO budgets FROM budgets AS b
        WHERE b.organization_id = ANY (organization_ids) AND b.ended_at IS NULL;
    IF budgets IS NULL THEN
        RETURN;
    END IF;
    SELECT json_agg(w) INTO windows FROM (
        SELECT newest.* FROM budgets AS b CROSS JOIN LATERAL (
            SELECT * FROM budget_windows AS one WHERE one.budget_id = b.budget_id
            ORDER BY one.starts_at DESC LIMIT 2
        ) AS newest
        WHERE b.organization_id = ANY (organization_ids) AND b.ended_at IS NULL
        UNION
        SELECT one.* FROM holds AS h
        JOIN budgets AS b ON b.organization_id = h.organization_id AND b.ended_at IS NULL
        JOIN budget_windows AS one ON one.budget_id = b.budget_id AND one.starts_at <= h.taken_at
            AND (one.ends_at IS NULL OR h.taken_at < one.ends_at)
        WHERE h.request_id = ANY (request_ids)
        UNION
        SELECT one.* FROM charges AS c
        JOIN budgets AS b ON b.organization_id = c.organization_id AND b.ended_at IS NULL
        JOIN budget_windows AS one ON one.budget_id = b.budget_id AND one.starts_at <= c.held_at
            AND (one.ends_at IS NULL OR c.held_at < one.ends_at)
        WHERE c.request_id = ANY (request_ids)
    ) AS w;
END $$;

CREATE FUNCTION list_owned_keys(organization uuid, member text, since_at timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'key_id', o.key_id, 'owned_from', o.owned_from, 'owned_until', o.owned_until)), '[]')
    FROM member_keys AS o
    WHERE o.organization_id = organization AND o.member_id = member AND coalesce(o.owned_until, 'infinity') > since_at
$$;

-- A pool is for one end user where that has a hard budget, else for all others of its batch together: ''.
ALTER TABLE batch_pools ADD COLUMN end_user text NOT NULL DEFAULT '';

-- As in 0027, and a pool knows whom it is for.
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
    INSERT INTO batch_pools (pool_id, batch_id, model, price_version_id, taken_nano, open_nano, terms_id, end_user)
        SELECT pool_id, started, model, price_version_id, taken_nano, taken_nano, terms_id, coalesce(end_user, '')
        FROM json_populate_recordset(NULL::batch_pools, pools);
    PERFORM check_batch_pools(ARRAY(SELECT pool_id FROM batch_pools WHERE batch_id = started));
END $$;
