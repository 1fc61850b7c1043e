-- Who gets in, and what may be done to whom: people with one password and several organizations, sessions
-- that are known by an id, sign-in links, invites, keys that are paused, rotated and moved, workspaces
-- that are archived.

-- A person is an e-mail: the same password opens every organization that it is a member of. Somebody who
-- signs in by link or by OIDC has none.
CREATE TABLE passwords (
    email           text PRIMARY KEY CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 320),
    password_hash   text NOT NULL,
    set_at          timestamptz NOT NULL
);
INSERT INTO passwords SELECT email, password_hash, created_at FROM members;
ALTER TABLE members DROP COLUMN password_hash, DROP CONSTRAINT members_email_key;
CREATE UNIQUE INDEX members_one_email ON members (email, organization_id);

-- session_id names a session to people: the secret's digest is nobody's to see.
ALTER TABLE sessions
    ADD COLUMN session_id text UNIQUE CHECK (session_id LIKE 'session\_%'),
    ADD COLUMN method text NOT NULL DEFAULT 'password' CHECK (method IN ('password', 'link', 'invite', 'oidc')),
    ADD COLUMN device text NOT NULL DEFAULT '' CHECK (length(device) <= 200),
    ADD COLUMN last_used_at timestamptz;
UPDATE sessions SET session_id = 'session_' || left(encode(sha256(digest), 'hex'), 32), last_used_at = created_at;
ALTER TABLE sessions ALTER COLUMN session_id SET NOT NULL, ALTER COLUMN last_used_at SET NOT NULL;

-- A link that signs in once; the mail holds the secret, this table its SHA-256.
CREATE TABLE sign_in_links (
    digest          bytea PRIMARY KEY CHECK (length(digest) = 32),
    email           text NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 320),
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL CHECK (expires_at > created_at),
    used_at         timestamptz
);
CREATE INDEX sign_in_links_by_email ON sign_in_links (email, created_at);

-- Who was asked to become a member. A link proves the e-mail, so it is mailed, never shown to members.
CREATE TABLE invites (
    invite_id       text PRIMARY KEY CHECK (invite_id LIKE 'invite\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    email           text NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 320),
    role            text NOT NULL CHECK (role IN ('developer', 'billing', 'admin', 'auditor')),
    digest          bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
    invited_by      text NOT NULL CHECK (length(invited_by) BETWEEN 1 AND 320),
    invited_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL CHECK (expires_at > invited_at),
    accepted_at     timestamptz,
    deleted_at      timestamptz,
    CHECK (num_nonnulls(accepted_at, deleted_at) <= 1)
);
CREATE INDEX invites_by_organization ON invites (organization_id, invite_id);
CREATE INDEX invites_open_by_email ON invites (email) WHERE accepted_at IS NULL AND deleted_at IS NULL;
CREATE UNIQUE INDEX invites_one_open ON invites (organization_id, email)
    WHERE accepted_at IS NULL AND deleted_at IS NULL;

-- A rotated key keeps its id, its history and its budgets; its former secret works until previous_until.
ALTER TABLE api_keys
    ADD COLUMN created_by text NOT NULL DEFAULT '' CHECK (length(created_by) <= 320),
    ADD COLUMN paused_at timestamptz,
    ADD COLUMN rotated_at timestamptz,
    ADD COLUMN previous_digest bytea UNIQUE CHECK (length(previous_digest) = 32),
    ADD COLUMN previous_until timestamptz,
    ADD CHECK ((previous_digest IS NULL) = (previous_until IS NULL));

-- When a key was last used, some seconds late; beside api_keys, whose every change makes nodes forget.
CREATE TABLE key_uses (
    key_id          text PRIMARY KEY REFERENCES api_keys,
    last_used_at    timestamptz NOT NULL
) WITH (fillfactor = 50);
INSERT INTO key_uses
SELECT key_id, max(day_on)::timestamp AT TIME ZONE 'UTC' FROM usage_rollups JOIN api_keys USING (key_id)
GROUP BY key_id;

-- Both secrets of a key, and those that it had before.
CREATE OR REPLACE FUNCTION notify_key_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('jeton_keys', encode(NEW.digest, 'hex'));
    IF NEW.previous_digest IS NOT NULL THEN
        PERFORM pg_notify('jeton_keys', encode(NEW.previous_digest, 'hex'));
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.previous_digest IS DISTINCT FROM NEW.previous_digest
       AND OLD.previous_digest IS NOT NULL THEN
        PERFORM pg_notify('jeton_keys', encode(OLD.previous_digest, 'hex'));
    END IF;
    RETURN NULL;
END $$;

ALTER TABLE workspaces
    ADD COLUMN cost_center text NOT NULL DEFAULT '' CHECK (length(cost_center) <= 100),
    ADD COLUMN purchase_order text NOT NULL DEFAULT '' CHECK (length(purchase_order) <= 100),
    ADD CHECK (NOT (is_default AND archived_at IS NOT NULL));

-- Not a digest: every node forgets every key.
CREATE FUNCTION notify_workspace_archived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('jeton_keys', NEW.workspace_id);
    RETURN NULL;
END $$;
CREATE TRIGGER workspaces_notify AFTER UPDATE OF archived_at ON workspaces
    FOR EACH ROW EXECUTE FUNCTION notify_workspace_archived();
