-- Budgets of every end user, each with a count of its own: scope end_user, scope_id '*'.

-- An end user whose name is this sign had a budget of its own before; no other budget may take its place unasked.
UPDATE balances SET version = version + 1 WHERE organization_id IN (
    SELECT organization_id FROM budgets WHERE scope = 'end_user' AND scope_id = '*' AND ended_at IS NULL);
UPDATE budgets SET ended_at = now() WHERE scope = 'end_user' AND scope_id = '*' AND ended_at IS NULL;

-- told: of how many end users somebody was told in this window of such a budget. Its other amounts are those of all
-- end users together.
ALTER TABLE budget_windows ADD COLUMN told integer NOT NULL DEFAULT 0 CHECK (told >= 0);

-- As budget_windows, for one end user. A row is there from the first hold on; what is over is cleared after some days
--,
-- and then the budget counts from a later instant.
CREATE TABLE each_windows (
    budget_id       text NOT NULL REFERENCES budgets,
    end_user        text NOT NULL CHECK (length(end_user) BETWEEN 1 AND 256),
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz CHECK (ends_at > starts_at),
    held_nano       bigint NOT NULL CHECK (held_nano >= 0),
    settled_nano    bigint NOT NULL CHECK (settled_nano >= 0),
    alerted_percent smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (budget_id, end_user, starts_at)
) WITH (fillfactor = 50);
-- Whose use is highest in a window, without looking at the others.
CREATE INDEX each_windows_by_use ON each_windows (budget_id, starts_at, settled_nano DESC, end_user);

CREATE INDEX budgets_of_each ON budgets (counted_from) WHERE scope = 'end_user' AND scope_id = '*';

-- As in 0042; '*' is every end user, and a request without one is nobody's.
CREATE OR REPLACE FUNCTION is_counted(
    scope text, scoped_to text, of_workspace text, of_key text, of_model text, of_end_user text, of_tag text,
    at timestamptz
) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE scope
        WHEN 'organization' THEN true
        WHEN 'workspace' THEN of_workspace = scoped_to
        WHEN 'key' THEN of_key = scoped_to
        WHEN 'model' THEN of_model = scoped_to
        WHEN 'end_user' THEN of_end_user = scoped_to OR scoped_to = '*' AND of_end_user <> ''
        WHEN 'tag' THEN of_tag = scoped_to
        WHEN 'member' THEN owns_key(scoped_to, of_key, at)
        ELSE false
    END
$$;

-- As in 0008, with how many were told.
CREATE OR REPLACE FUNCTION write_budgets(changed_budgets json, changed_windows json)
    RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF changed_budgets IS NOT NULL THEN
        INSERT INTO budgets SELECT * FROM json_populate_recordset(NULL::budgets, changed_budgets)
        ON CONFLICT (budget_id) DO UPDATE SET
            limit_nano = excluded.limit_nano, is_hard = excluded.is_hard, ended_at = excluded.ended_at;
    END IF;
    IF changed_windows IS NOT NULL THEN
        INSERT INTO budget_windows
        SELECT w.budget_id, w.starts_at, w.ends_at, w.held_nano, w.settled_nano, w.alerted_percent,
               w.is_forecast_alerted, coalesce(w.told, 0)
        FROM json_populate_recordset(NULL::budget_windows, changed_windows) AS w
        ON CONFLICT (budget_id, starts_at) DO UPDATE SET
            held_nano = excluded.held_nano, settled_nano = excluded.settled_nano,
            alerted_percent = excluded.alerted_percent, is_forecast_alerted = excluded.is_forecast_alerted,
            told = excluded.told;
    END IF;
END $$;

-- Of each end user that is wanted the two newest windows, and that of the instant. Three look-ups in the primary key
-- for each, whatever was before and however many other end users there are.
CREATE FUNCTION read_each_windows(wanted json) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_agg(w) FROM (
        SELECT DISTINCT one.* FROM json_to_recordset(wanted) AS k (budget_id text, end_user text, taken_at timestamptz)
        CROSS JOIN LATERAL (
            (SELECT * FROM each_windows AS e WHERE e.budget_id = k.budget_id AND e.end_user = k.end_user
             ORDER BY e.starts_at DESC LIMIT 2)
            UNION
            (SELECT * FROM each_windows AS e WHERE e.budget_id = k.budget_id AND e.end_user = k.end_user
             AND e.starts_at <= k.taken_at ORDER BY e.starts_at DESC LIMIT 1)
        ) AS one
    ) AS w
$$;

-- Written after the books, as write_budgets.
CREATE FUNCTION write_each_windows(changed json) RETURNS void LANGUAGE sql AS $$
    INSERT INTO each_windows SELECT * FROM json_populate_recordset(NULL::each_windows, changed)
    ON CONFLICT (budget_id, end_user, starts_at) DO UPDATE SET
        held_nano = excluded.held_nano, settled_nano = excluded.settled_nano,
        alerted_percent = excluded.alerted_percent
$$;
