-- What was reversed no longer counts: in reports, which read sums by day, and in budgets, whose windows
-- count a reversal where they counted its charge. And what each node has taken of the rate limits.

-- Derived: reversals by the UTC day on which the request was held, so that a report's day is net of them.
CREATE TABLE reversal_rollups (
    organization_id uuid NOT NULL REFERENCES organizations,
    day_on          date NOT NULL,
    workspace_id    text NOT NULL,
    key_id          text NOT NULL,
    model           text NOT NULL,
    service_tier    text NOT NULL,
    reversed_nano   bigint NOT NULL CHECK (reversed_nano > 0),
    PRIMARY KEY (organization_id, day_on, workspace_id, key_id, model, service_tier)
);

-- Called in the transaction of the reversal. No trigger: a restore fills both tables.
CREATE FUNCTION count_reversal(reversed_request_id text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO reversal_rollups AS r
    SELECT c.organization_id, (u.occurred_at AT TIME ZONE 'UTC')::date, c.workspace_id, c.key_id, c.model,
           u.service_tier, v.amount_nano
    FROM reversals AS v JOIN charges AS c USING (request_id) JOIN usage_events AS u USING (request_id)
    WHERE v.request_id = reversed_request_id
    ON CONFLICT (organization_id, day_on, workspace_id, key_id, model, service_tier)
        DO UPDATE SET reversed_nano = r.reversed_nano + excluded.reversed_nano;
$$;

INSERT INTO reversal_rollups
SELECT c.organization_id, (u.occurred_at AT TIME ZONE 'UTC')::date, c.workspace_id, c.key_id, c.model,
       u.service_tier, sum(r.amount_nano)
FROM reversals AS r JOIN charges AS c USING (request_id) JOIN usage_events AS u USING (request_id)
GROUP BY 1, 2, 3, 4, 5, 6;

-- As before, less what was reversed of it.
ALTER FUNCTION sum_settled(uuid, text, text, timestamptz, timestamptz) RENAME TO sum_charged;
CREATE FUNCTION sum_reversed(organization uuid, scope text, scoped_to text, since_at timestamptz, until_at timestamptz)
    RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(r.amount_nano), 0)::bigint FROM reversals AS r JOIN charges AS c USING (request_id)
    -- A reversal comes after its hold; the day is for clocks that differ.
    WHERE r.organization_id = organization AND r.reversed_at >= since_at - interval '1 day'
      AND c.held_at >= since_at AND c.held_at < coalesce(until_at, 'infinity')
      AND CASE scope WHEN 'organization' THEN true WHEN 'workspace' THEN c.workspace_id = scoped_to
          ELSE c.key_id = scoped_to END
$$;
CREATE FUNCTION sum_settled(organization uuid, scope text, scoped_to text, since_at timestamptz, until_at timestamptz)
    RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT sum_charged(organization, scope, scoped_to, since_at, until_at)
         - sum_reversed(organization, scope, scoped_to, since_at, until_at)
$$;

UPDATE budget_windows AS w SET settled_nano = settled_nano - x.reversed_nano
FROM (
    SELECT one.budget_id, one.starts_at,
           sum_reversed(b.organization_id, b.scope, b.scope_id, one.starts_at, one.ends_at) AS reversed_nano
    FROM budget_windows AS one JOIN budgets AS b USING (budget_id) WHERE b.ended_at IS NULL
) AS x
WHERE x.reversed_nano > 0 AND w.budget_id = x.budget_id AND w.starts_at = x.starts_at;

-- What this node has taken of the rate limits, in its own words: {"base": …, "shares": {…}}. Only what all
-- nodes that are alive have taken together is bounded, so they are written one after the other.
ALTER TABLE nodes ADD COLUMN taken jsonb NOT NULL DEFAULT '{}';
