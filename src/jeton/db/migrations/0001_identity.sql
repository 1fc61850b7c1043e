-- Who pays, their divisions, the people in them, and the keys they call with.

CREATE TABLE organizations (
    organization_id uuid PRIMARY KEY,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    created_at      timestamptz NOT NULL
);

CREATE TABLE workspaces (
    workspace_id    text PRIMARY KEY CHECK (workspace_id LIKE 'wrkspc\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    is_default      boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    archived_at     timestamptz
);
CREATE UNIQUE INDEX workspaces_one_default ON workspaces (organization_id) WHERE is_default;
CREATE INDEX workspaces_by_organization ON workspaces (organization_id, workspace_id);

-- The secret is never stored: digest = SHA-256 of a key with 256 random bits.
CREATE TABLE api_keys (
    key_id          text PRIMARY KEY CHECK (key_id LIKE 'apikey\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    workspace_id    text REFERENCES workspaces,
    kind            text NOT NULL CHECK (kind IN ('api', 'admin')),
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    digest          bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
    hint            text NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz,
    revoked_at      timestamptz,
    CHECK ((kind = 'api') = (workspace_id IS NOT NULL))
);
CREATE INDEX api_keys_by_organization ON api_keys (organization_id, key_id);

CREATE TABLE members (
    member_id       text PRIMARY KEY CHECK (member_id LIKE 'user\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    email           text NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 320),
    password_hash   text NOT NULL,
    role            text NOT NULL CHECK (role IN ('developer', 'billing', 'admin', 'auditor')),
    created_at      timestamptz NOT NULL
);
CREATE INDEX members_by_organization ON members (organization_id, member_id);

-- A Console session; the cookie holds the secret, this table its SHA-256.
CREATE TABLE sessions (
    digest          bytea PRIMARY KEY CHECK (length(digest) = 32),
    member_id       text NOT NULL REFERENCES members,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    revoked_at      timestamptz
);
CREATE INDEX sessions_by_member ON sessions (member_id);

-- Every node forgets a key the moment its row changes.
CREATE FUNCTION notify_key_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('jeton_keys', encode(NEW.digest, 'hex'));
    RETURN NULL;
END $$;
CREATE TRIGGER api_keys_notify AFTER INSERT OR UPDATE ON api_keys
    FOR EACH ROW EXECUTE FUNCTION notify_key_changed();

-- For tables of facts: written once, never changed.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are facts: correct them with a new row', TG_TABLE_NAME;
END $$;
