-- Every price version that was ever in force here, as it read then (P10).

CREATE TABLE price_versions (
    price_version_id text PRIMARY KEY,
    digest           text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    content          jsonb NOT NULL,
    recorded_at      timestamptz NOT NULL
);
CREATE TRIGGER price_versions_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON price_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
