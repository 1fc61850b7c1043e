-- Minutes: what counted against rate limits, by the minute in which requests were admitted, and how many a
-- limit sent back. Batches are not in it, since limits do not count them. Not money: what a node that died had
-- not written is missing. Kept for a little over a month.
CREATE TABLE minute_rollups (
    organization_id uuid NOT NULL,
    minute_at       timestamptz NOT NULL,
    workspace_id    text NOT NULL,
    model           text NOT NULL,
    requests                bigint NOT NULL CHECK (requests >= 0),
    input_tokens            bigint NOT NULL CHECK (input_tokens >= 0),
    cache_read_input_tokens bigint NOT NULL CHECK (cache_read_input_tokens >= 0),
    output_tokens           bigint NOT NULL CHECK (output_tokens >= 0),
    limited                 bigint NOT NULL CHECK (limited >= 0),
    PRIMARY KEY (organization_id, minute_at, workspace_id, model)
) WITH (fillfactor = 70);
-- For the end of what is kept; rows come in the order of time, so ranges of blocks are enough.
CREATE INDEX minute_rollups_by_time ON minute_rollups USING brin (minute_at);
CREATE INDEX minute_rollups_limited ON minute_rollups (organization_id, minute_at) WHERE limited > 0;

-- Of what is there already the last month is made anew; nobody knows any more in which minute a limit refused.
INSERT INTO minute_rollups
    SELECT c.organization_id, date_trunc('minute', c.held_at), c.workspace_id, c.model, count(*),
           coalesce(sum(e.input_tokens + e.cache_creation_5m_input_tokens + e.cache_creation_1h_input_tokens), 0),
           coalesce(sum(e.cache_read_input_tokens), 0), coalesce(sum(e.output_tokens), 0), 0
    FROM charges AS c LEFT JOIN usage_events AS e USING (request_id)
    WHERE c.held_at >= now() - interval '31 days' AND e.service_tier IS DISTINCT FROM 'batch'
    GROUP BY 1, 2, 3, 4;

-- Requests of a batch that failed and may succeed another time, kept as long as its results; and that a batch
-- was retried, once, under the id that was noted before the new batch was made.
CREATE TABLE batch_leftovers (
    batch_id        text NOT NULL REFERENCES batches,
    chunk_no        integer NOT NULL,
    items           integer NOT NULL CHECK (items > 0),
    requests        bytea NOT NULL,
    PRIMARY KEY (batch_id, chunk_no)
);
-- Compressed already.
ALTER TABLE batch_leftovers ALTER COLUMN requests SET STORAGE EXTERNAL;
CREATE TABLE batch_retries (
    batch_id        text PRIMARY KEY REFERENCES batches,
    retry_id        text NOT NULL UNIQUE CHECK (retry_id LIKE 'msgbatch\_%'),
    noted_by        text NOT NULL CHECK (length(noted_by) BETWEEN 1 AND 320),
    noted_at        timestamptz NOT NULL
);
