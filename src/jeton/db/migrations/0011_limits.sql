-- How fast organizations and workspaces may go, and which processes there are to let them through.

-- Limits per minute that stand in place of the configured ones. workspace_id NULL: the organization's own;
-- else further limits, under which that workspace stands as well. model_group '*': every group without a
-- row here, each for itself. NULL is no limit.
CREATE TABLE rate_limits (
    organization_id uuid NOT NULL REFERENCES organizations,
    workspace_id    text REFERENCES workspaces,
    model_group     text NOT NULL CHECK (length(model_group) BETWEEN 1 AND 200),
    requests        bigint CHECK (requests BETWEEN 1 AND 1000000000000),
    input_tokens    bigint CHECK (input_tokens BETWEEN 1 AND 1000000000000),
    output_tokens   bigint CHECK (output_tokens BETWEEN 1 AND 1000000000000),
    changed_at      timestamptz NOT NULL,
    changed_by      text NOT NULL
);
CREATE UNIQUE INDEX rate_limits_one
    ON rate_limits (organization_id, coalesce(workspace_id, ''), model_group);

CREATE FUNCTION notify_rate_limit_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('jeton_limits', coalesce(NEW.organization_id, OLD.organization_id)::text);
    RETURN NULL;
END $$;
CREATE TRIGGER rate_limits_notify AFTER INSERT OR UPDATE OR DELETE ON rate_limits
    FOR EACH ROW EXECUTE FUNCTION notify_rate_limit_changed();

-- Processes on this database. One is alive that has not ended and was seen a few seconds ago, by the
-- clock of the database.
CREATE TABLE nodes (
    node_id         text PRIMARY KEY CHECK (node_id LIKE 'node\_%'),
    kind            text NOT NULL CHECK (kind IN ('serve', 'work')),
    started_at      timestamptz NOT NULL,
    seen_at         timestamptz NOT NULL,
    ended_at        timestamptz
) WITH (fillfactor = 50);
CREATE INDEX nodes_alive ON nodes (kind) WHERE ended_at IS NULL;

CREATE FUNCTION notify_nodes_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('jeton_nodes', NEW.node_id);
    RETURN NULL;
END $$;
CREATE TRIGGER nodes_notify AFTER INSERT OR UPDATE OF ended_at ON nodes
    FOR EACH ROW EXECUTE FUNCTION notify_nodes_changed();
