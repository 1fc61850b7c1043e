-- Message Batches: what is to be asked, in chunks; what came of it; the credit that is held for it; and the
-- queue of jobs, each a reminder that a chunk is to be worked on. What batches say is the truth: a job that
-- is lost is made again.

CREATE TABLE batches (
    batch_id        text PRIMARY KEY CHECK (batch_id LIKE 'msgbatch\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    workspace_id    text NOT NULL,
    key_id          text NOT NULL,
    -- The headers of the request that made it, which each item travels with.
    api_version     text NOT NULL,
    beta            text NOT NULL,
    state           text NOT NULL CHECK (state IN ('uploading', 'in_progress', 'canceling', 'ended')),
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL CHECK (expires_at > created_at),
    cancel_initiated_at timestamptz,
    ended_at        timestamptz,
    archived_at     timestamptz,
    deleted_at      timestamptz,
    items           integer NOT NULL DEFAULT 0 CHECK (items >= 0),
    chunks          integer NOT NULL DEFAULT 0 CHECK (chunks >= 0),
    held_nano       bigint NOT NULL DEFAULT 0 CHECK (held_nano >= 0),
    -- Sums of its results, written once, at its end.
    succeeded       integer NOT NULL DEFAULT 0,
    errored         integer NOT NULL DEFAULT 0,
    canceled        integer NOT NULL DEFAULT 0,
    expired         integer NOT NULL DEFAULT 0,
    list_nano       bigint NOT NULL DEFAULT 0,
    saved_batch_nano bigint NOT NULL DEFAULT 0,
    saved_cache_nano bigint NOT NULL DEFAULT 0,
    saved_other_nano bigint NOT NULL DEFAULT 0,
    net_nano        bigint NOT NULL DEFAULT 0,
    CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    CHECK (state <> 'canceling' OR cancel_initiated_at IS NOT NULL),
    CHECK (archived_at IS NULL OR ended_at IS NOT NULL),
    CHECK (deleted_at IS NULL OR ended_at IS NOT NULL),
    CONSTRAINT batches_end_with_every_item CHECK (state <> 'ended' OR succeeded + errored + canceled + expired = items),
    CONSTRAINT batches_add_up CHECK (list_nano - saved_batch_nano - saved_cache_nano - saved_other_nano = net_nano)
);
CREATE INDEX batches_by_workspace ON batches (workspace_id, batch_id);
CREATE INDEX batches_by_organization ON batches (organization_id, batch_id);
CREATE INDEX batches_unfinished ON batches (batch_id) WHERE state <> 'ended';
CREATE INDEX batches_unarchived ON batches (created_at) WHERE archived_at IS NULL;

-- The hold of a batch: one pool for each price version in it, which is an open hold of the ledger under
-- the same id. Every item that was used is settled out of its pool; the rest is released at the end.
CREATE TABLE batch_pools (
    pool_id         text PRIMARY KEY CHECK (pool_id LIKE 'msgbatch\_%'),
    batch_id        text NOT NULL REFERENCES batches,
    model           text NOT NULL,
    price_version_id text NOT NULL,
    taken_nano      bigint NOT NULL CHECK (taken_nano >= 0),
    open_nano       bigint NOT NULL CHECK (open_nano >= 0),
    settled_nano    bigint NOT NULL DEFAULT 0 CHECK (settled_nano >= 0),
    released_nano   bigint NOT NULL DEFAULT 0 CHECK (released_nano >= 0),
    CONSTRAINT batch_pools_add_up CHECK (taken_nano = open_nano + settled_nano + released_nano)
) WITH (fillfactor = 50);
CREATE INDEX batch_pools_by_batch ON batch_pools (batch_id);

-- Some hundred items that are worked on together, in the order of the batch. done is a bitmap of the items
-- whose result is written. attempts counts how often somebody began; it is written before any upstream is
-- called, so that what a dead process may have asked for is known. turn is the chunk's place in the queue.
CREATE TABLE batch_chunks (
    batch_id        text NOT NULL REFERENCES batches,
    chunk_no        integer NOT NULL CHECK (chunk_no >= 0),
    first_item      integer NOT NULL CHECK (first_item >= 0),
    items           integer NOT NULL CHECK (items > 0),
    requests        bytea,
    turn            integer,
    done            bytea NOT NULL DEFAULT '\x',
    left_items      integer NOT NULL CHECK (left_items BETWEEN 0 AND items),
    parts           integer NOT NULL DEFAULT 0,
    attempts        integer NOT NULL DEFAULT 0,
    claim_id        text,
    claimed_until   timestamptz,
    finished_at     timestamptz,
    PRIMARY KEY (batch_id, chunk_no),
    CHECK ((left_items = 0) = (finished_at IS NOT NULL))
) WITH (fillfactor = 70);
-- Compressed already.
ALTER TABLE batch_chunks ALTER COLUMN requests SET STORAGE EXTERNAL;
CREATE INDEX batch_chunks_due ON batch_chunks (turn) WHERE finished_at IS NULL AND turn IS NOT NULL;

-- Results as they were delivered: lines of JSON, compressed, and what they come to.
CREATE TABLE batch_results (
    batch_id        text NOT NULL,
    chunk_no        integer NOT NULL,
    part_no         integer NOT NULL,
    items           integer NOT NULL CHECK (items > 0),
    lines           bytea,
    succeeded       integer NOT NULL,
    errored         integer NOT NULL,
    canceled        integer NOT NULL,
    expired         integer NOT NULL,
    list_nano       bigint NOT NULL,
    saved_batch_nano bigint NOT NULL,
    saved_cache_nano bigint NOT NULL,
    saved_other_nano bigint NOT NULL,
    net_nano        bigint NOT NULL,
    PRIMARY KEY (batch_id, chunk_no, part_no),
    FOREIGN KEY (batch_id, chunk_no) REFERENCES batch_chunks,
    CHECK (succeeded + errored + canceled + expired = items)
);
ALTER TABLE batch_results ALTER COLUMN lines SET STORAGE EXTERNAL;

-- A pool and its hold are two views of one amount: refused as a whole when they are not.
CREATE FUNCTION check_batch_pools(pool_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM batch_pools AS p LEFT JOIN holds AS h ON h.request_id = p.pool_id
        WHERE p.pool_id = ANY (pool_ids) AND p.open_nano <> coalesce(h.amount_nano, 0)
    ) THEN
        RAISE EXCEPTION 'the pool of a batch is not what its hold is' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;

-- Begins a batch whose credit is held. Its chunks queue up behind what their organization has waiting
-- already, and not behind what others have: an organization that comes later begins where the queue is now.
CREATE FUNCTION start_batch(started text, held bigint, pools json) RETURNS void LANGUAGE plpgsql AS $$
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
    INSERT INTO batch_pools (pool_id, batch_id, model, price_version_id, taken_nano, open_nano)
        SELECT pool_id, started, model, price_version_id, taken_nano, taken_nano
        FROM json_populate_recordset(NULL::batch_pools, pools);
    PERFORM check_batch_pools(ARRAY(SELECT pool_id FROM batch_pools WHERE batch_id = started));
END $$;

-- Writes results of a chunk, and what they took out of pools: settled_nano there is how much more it is.
CREATE FUNCTION write_batch_results(results json, chunk json, settled json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO batch_results SELECT * FROM json_populate_recordset(NULL::batch_results, results);
    UPDATE batch_chunks AS c SET done = n.done, parts = n.parts, left_items = n.left_items,
        finished_at = n.finished_at, claimed_until = CASE WHEN n.left_items > 0 THEN c.claimed_until END
        FROM json_populate_recordset(NULL::batch_chunks, chunk) AS n
        WHERE c.batch_id = n.batch_id AND c.chunk_no = n.chunk_no;
    UPDATE batch_pools AS p SET open_nano = p.open_nano - n.settled_nano, settled_nano = p.settled_nano + n.settled_nano
        FROM json_populate_recordset(NULL::batch_pools, settled) AS n WHERE p.pool_id = n.pool_id;
    PERFORM check_batch_pools(ARRAY(SELECT pool_id FROM json_populate_recordset(NULL::batch_pools, settled)));
END $$;

CREATE FUNCTION release_batch_pools(pool_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE batch_pools SET released_nano = released_nano + open_nano, open_nano = 0 WHERE pool_id = ANY (pool_ids);
    PERFORM check_batch_pools(pool_ids);
END $$;

-- Ends a batch all of whose items have a result.
CREATE FUNCTION end_batch(over text, at timestamptz) RETURNS void LANGUAGE sql AS $$
    UPDATE batches SET state = 'ended', ended_at = at,
        (succeeded, errored, canceled, expired, list_nano, saved_batch_nano, saved_cache_nano, saved_other_nano, net_nano) = (
            SELECT coalesce(sum(r.succeeded), 0), coalesce(sum(r.errored), 0), coalesce(sum(r.canceled), 0),
                   coalesce(sum(r.expired), 0), coalesce(sum(r.list_nano), 0), coalesce(sum(r.saved_batch_nano), 0),
                   coalesce(sum(r.saved_cache_nano), 0), coalesce(sum(r.saved_other_nano), 0), coalesce(sum(r.net_nano), 0)
            FROM batch_results AS r WHERE r.batch_id = over)
    WHERE batch_id = over;
    UPDATE batch_chunks SET requests = NULL WHERE batch_id = over;
$$;

-- The queue is procrastinate's, and its tables are as that library says.
-- include: procrastinate sql/schema.sql sha256:c70ec4b400a60ad9592787653aae5ae77ae41bf801d56b5bd2712751a07f2009
