-- The prompt-cache account: which prefixes of prompts are cached, for the upstreams for which Jeton keeps
-- the account itself. Names (hashes) only, never a prompt.
--
-- Unlogged on purpose: a write costs no flush, and what is lost with the server is a cache. Whoever would
-- have hit writes again, as with any prompt cache that lives in memory. What was charged is stored elsewhere.

-- expires_s is in seconds of the epoch, so that an entry that is hit many times a second is written once.
-- No index on it, so that a refresh changes no index; the sweeper reads the whole table.
CREATE UNLOGGED TABLE prompt_cache_entries (
    entry_name bytea PRIMARY KEY,
    organization_id uuid NOT NULL,
    expires_s bigint NOT NULL,
    ttl_s integer NOT NULL CHECK (ttl_s > 0)
) WITH (fillfactor = 80);

-- What a request was made of, for those that ask what broke a hit: names of its sections.
CREATE UNLOGGED TABLE prompt_cache_traces (
    trace_name bytea PRIMARY KEY,
    organization_id uuid NOT NULL,
    expires_s bigint NOT NULL,
    content jsonb NOT NULL
) WITH (fillfactor = 80);
