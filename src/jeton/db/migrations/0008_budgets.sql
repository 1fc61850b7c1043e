-- Budgets: ceilings over the holds of an organization, a workspace or a key. What a window has counted is
-- derived from holds and charges, in the transaction that writes them and under the same version of the
-- book; it is never reset: a window that begins is a new row.

CREATE TABLE budgets (
    budget_id       text PRIMARY KEY CHECK (budget_id LIKE 'bdgt\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    scope           text NOT NULL CHECK (scope IN ('organization', 'workspace', 'key')),
    scope_id        text NOT NULL,
    period          text NOT NULL CHECK (period IN ('day', 'week', 'month', 'total')),
    zone            text NOT NULL,
    anchor_day      smallint NOT NULL CHECK (anchor_day BETWEEN 1 AND CASE period
                        WHEN 'month' THEN 31 WHEN 'week' THEN 7 ELSE 1 END),
    limit_nano      bigint NOT NULL CHECK (limit_nano > 0),
    is_hard         boolean NOT NULL,
    -- The first instant that is counted: the start of the window in which the budget was made.
    counted_from    timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    created_by      text NOT NULL,
    ended_at        timestamptz
);
CREATE INDEX budgets_by_organization ON budgets (organization_id, budget_id);
CREATE INDEX budgets_in_force ON budgets (organization_id) WHERE ended_at IS NULL;

-- Half-open windows, UTC; ends_at NULL is for ever. alerted_percent: the highest threshold told of.
CREATE TABLE budget_windows (
    budget_id       text NOT NULL REFERENCES budgets,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz CHECK (ends_at > starts_at),
    held_nano       bigint NOT NULL CHECK (held_nano >= 0),
    settled_nano    bigint NOT NULL CHECK (settled_nano >= 0),
    alerted_percent smallint NOT NULL DEFAULT 0,
    is_forecast_alerted boolean NOT NULL DEFAULT false,
    PRIMARY KEY (budget_id, starts_at)
) WITH (fillfactor = 50);

-- By the instant of the hold, which decides in which window a charge counts.
CREATE INDEX charges_by_hold ON charges (organization_id, held_at);

-- What holds taken from since_at until just before until_at (NULL: for ever) were charged. Whole UTC days
-- come from the daily sums, the rest of the first and last day from single charges: what this costs does
-- not depend on how many requests there were before.
CREATE FUNCTION sum_settled(organization uuid, scope text, scoped_to text, since_at timestamptz, until_at timestamptz)
    RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    until     timestamptz := coalesce(until_at, 'infinity');
    first_day date := ((since_at AT TIME ZONE 'UTC') + interval '1 day - 1 microsecond')::date;
    last_day  date := CASE WHEN until = 'infinity' THEN 'infinity' ELSE (until AT TIME ZONE 'UTC')::date END;
    total     numeric := 0;
    part      numeric;
BEGIN
    IF first_day < last_day THEN
        SELECT coalesce(sum(r.net_nano), 0) INTO total FROM usage_rollups AS r
            WHERE r.organization_id = organization AND r.day_on >= first_day AND r.day_on < last_day
              AND CASE scope WHEN 'organization' THEN true WHEN 'workspace' THEN r.workspace_id = scoped_to
                  ELSE r.key_id = scoped_to END;
        SELECT coalesce(sum(c.net_nano), 0) INTO part FROM charges AS c
            WHERE c.organization_id = organization
              AND (c.held_at >= since_at AND c.held_at < first_day::timestamp AT TIME ZONE 'UTC'
                   OR c.held_at >= last_day::timestamp AT TIME ZONE 'UTC' AND c.held_at < until)
              AND CASE scope WHEN 'organization' THEN true WHEN 'workspace' THEN c.workspace_id = scoped_to
                  ELSE c.key_id = scoped_to END;
    ELSE
        SELECT coalesce(sum(c.net_nano), 0) INTO part FROM charges AS c
            WHERE c.organization_id = organization AND c.held_at >= since_at AND c.held_at < until
              AND CASE scope WHEN 'organization' THEN true WHEN 'workspace' THEN c.workspace_id = scoped_to
                  ELSE c.key_id = scoped_to END;
    END IF;
    RETURN (total + part)::bigint;
END $$;

-- What the holds that are open set aside, of those taken in a window. A hold of no key is no request's.
CREATE FUNCTION sum_held(organization uuid, scope text, scoped_to text, since_at timestamptz, until_at timestamptz)
    RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(h.amount_nano), 0)::bigint FROM holds AS h
    WHERE h.organization_id = organization AND h.key_id <> '' AND h.taken_at >= since_at AND h.taken_at < coalesce(until_at, 'infinity')
      AND CASE scope WHEN 'organization' THEN true WHEN 'workspace' THEN h.workspace_id = scoped_to
          ELSE h.key_id = scoped_to END
$$;

-- The budgets in force of the organizations whose balances were locked (as lock_books returned them), with
-- the two newest windows of each, and those in which the holds named (open, or ended before) were taken.
CREATE FUNCTION read_budgets(locked json, request_ids text[], OUT budgets json, OUT windows json)
    LANGUAGE plpgsql AS $$
DECLARE
    organization_ids uuid[] := ARRAY(SELECT (b ->> 'organization_id')::uuid FROM json_array_elements(locked) AS b);
BEGIN
    SELECT json_agg(b) INTO budgets FROM budgets AS b
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

-- Written after the books, whose version is the proof that nobody else counted meanwhile.
CREATE FUNCTION write_budgets(changed_budgets json, changed_windows json)
    RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF changed_budgets IS NOT NULL THEN
        INSERT INTO budgets SELECT * FROM json_populate_recordset(NULL::budgets, changed_budgets)
        ON CONFLICT (budget_id) DO UPDATE SET
            limit_nano = excluded.limit_nano, is_hard = excluded.is_hard, ended_at = excluded.ended_at;
    END IF;
    IF changed_windows IS NOT NULL THEN
        INSERT INTO budget_windows SELECT * FROM json_populate_recordset(NULL::budget_windows, changed_windows)
        ON CONFLICT (budget_id, starts_at) DO UPDATE SET
            held_nano = excluded.held_nano, settled_nano = excluded.settled_nano,
            alerted_percent = excluded.alerted_percent, is_forecast_alerted = excluded.is_forecast_alerted;
    END IF;
END $$;
