-- Requests that were told why they did not read what was cached: few of all, and asked for by organization and
-- time, since an id begins with its time.
CREATE INDEX usage_events_breaks ON usage_events (organization_id, request_id)
    WHERE jsonb_typeof(reported -> 'jeton_prompt_cache' -> 'miss') = 'object';
