-- Who changed what is chained as the ledger is; people sign in with passkeys; an organization's directory
-- says over SCIM who its members are.

-- One chain an organization, and one of the house (changes of no organization) under the id of zeros. A link is
-- made when the transaction of its entry commits, so whoever writes waits for others of the same chain for the
-- length of a commit, and no entry is ever there without its link.
CREATE TABLE audit_chains (
    chain_id        uuid PRIMARY KEY,
    length          bigint NOT NULL DEFAULT 0 CHECK (length >= 0),
    digest          bytea NOT NULL DEFAULT '\x' CHECK (octet_length(digest) IN (0, 32))
) WITH (fillfactor = 50);
CREATE TABLE audit_links (
    audit_id        text PRIMARY KEY REFERENCES audit_entries,
    chain_id        uuid NOT NULL,
    sequence        bigint NOT NULL CHECK (sequence > 0),
    digest          bytea NOT NULL CHECK (octet_length(digest) = 32)
);
CREATE UNIQUE INDEX audit_links_by_chain ON audit_links (chain_id, sequence);
CREATE TRIGGER audit_links_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_links
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A field with the number of its bytes before it, so that no two entries read alike.
CREATE FUNCTION audit_content(sequence bigint, entry audit_entries) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(octet_length(convert_to(field, 'UTF8')) || ':' || field, E'\n' ORDER BY place)
    FROM unnest(ARRAY[
        sequence::text, entry.audit_id, ((extract(epoch FROM entry.occurred_at) * 1000000)::bigint)::text,
        entry.actor_kind, entry.actor, entry.action, entry.subject, coalesce(entry.organization_id::text, ''),
        entry.details::text
    ]) WITH ORDINALITY AS fields (field, place)
$$;
CREATE FUNCTION find_audit_chain(organization_id uuid) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(organization_id, '00000000-0000-0000-0000-000000000000')
$$;
CREATE FUNCTION link_audit_entry(entry audit_entries) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    link audit_links;
BEGIN
    UPDATE audit_chains AS c SET
        length = c.length + 1,
        digest = sha256(c.digest || convert_to(audit_content(c.length + 1, entry), 'UTF8'))
    WHERE c.chain_id = find_audit_chain(entry.organization_id)
    RETURNING entry.audit_id, c.chain_id, c.length, c.digest INTO STRICT link;
    INSERT INTO audit_links VALUES (link.*);
END $$;

-- What there is already is chained in the order of its ids, which is the order of time.
INSERT INTO audit_chains (chain_id) SELECT DISTINCT find_audit_chain(organization_id) FROM audit_entries;
DO $$
DECLARE
    entry audit_entries;
BEGIN
    FOR entry IN SELECT * FROM audit_entries ORDER BY audit_id LOOP
        PERFORM link_audit_entry(entry);
    END LOOP;
END $$;

-- The chains that a transaction will lengthen, so that it takes them in one order when it commits: no two
-- transactions wait for each other in a circle.
CREATE FUNCTION note_audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    noted text := coalesce(current_setting('jeton.audit_chains', true), '');
    chain text := find_audit_chain(NEW.organization_id)::text;
BEGIN
    IF strpos(noted, chain) = 0 THEN
        PERFORM set_config('jeton.audit_chains', noted || ' ' || chain, true);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION seal_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    noted text := coalesce(current_setting('jeton.audit_chains', true), '');
    chains uuid[];
BEGIN
    -- A backup brings the links of its entries along.
    IF EXISTS (SELECT FROM audit_links AS l WHERE l.audit_id = NEW.audit_id) THEN
        RETURN NULL;
    END IF;
    IF noted <> '' THEN
        chains := string_to_array(ltrim(noted), ' ')::uuid[];
        INSERT INTO audit_chains (chain_id) SELECT c FROM unnest(chains) AS c ORDER BY c ON CONFLICT DO NOTHING;
        PERFORM FROM audit_chains AS a WHERE a.chain_id = ANY (chains) ORDER BY a.chain_id FOR UPDATE;
        PERFORM set_config('jeton.audit_chains', '', true);
    END IF;
    PERFORM link_audit_entry(NEW);
    RETURN NULL;
END $$;
CREATE TRIGGER audit_entries_note_chain AFTER INSERT ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION note_audit_chain();
CREATE CONSTRAINT TRIGGER audit_entries_sealed AFTER INSERT ON audit_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION seal_audit_entry();

-- What a proof of the books said of the audit log: how much was wrong of it, and a digest of where its chains end.
ALTER TABLE ledger_proofs
    ADD COLUMN audit_findings_count bigint CHECK (audit_findings_count >= 0),
    ADD COLUMN audit_head bytea CHECK (octet_length(audit_head) = 32);

-- A person's passkeys. Only the public half is here; user_handle is what the authenticator knows the person by.
CREATE TABLE passkeys (
    passkey_id      text PRIMARY KEY CHECK (passkey_id LIKE 'passkey\_%'),
    email           text NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 320),
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    credential_id   bytea NOT NULL UNIQUE CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
    public_key      bytea NOT NULL CHECK (octet_length(public_key) BETWEEN 1 AND 4096),
    user_handle     bytea NOT NULL CHECK (octet_length(user_handle) BETWEEN 1 AND 64),
    sign_count      bigint NOT NULL CHECK (sign_count >= 0),
    is_synced       boolean NOT NULL,
    created_at      timestamptz NOT NULL,
    last_used_at    timestamptz
);
CREATE INDEX passkeys_by_email ON passkeys (email, passkey_id);

-- A question to an authenticator, good once and for some minutes; of a browser (the digest of its cookie), and
-- of a person where a passkey is added.
CREATE TABLE passkey_challenges (
    digest          bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    purpose         text NOT NULL CHECK (purpose IN ('add', 'sign_in')),
    browser         bytea NOT NULL CHECK (octet_length(browser) = 32),
    email           text,
    user_handle     bytea CHECK (octet_length(user_handle) BETWEEN 1 AND 64),
    expires_at      timestamptz NOT NULL,
    CHECK ((purpose = 'add') = (email IS NOT NULL)),
    CHECK ((purpose = 'add') = (user_handle IS NOT NULL))
);
CREATE INDEX passkey_challenges_by_end ON passkey_challenges (expires_at);

ALTER TABLE sessions DROP CONSTRAINT sessions_method_check,
    ADD CONSTRAINT sessions_method_check CHECK (method IN ('password', 'link', 'invite', 'oidc', 'passkey'));

-- What an organization's directory calls with; the digest of a secret of 256 random bits.
CREATE TABLE scim_tokens (
    token_id        text PRIMARY KEY CHECK (token_id LIKE 'scimtoken\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    digest          bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    hint            text NOT NULL,
    created_by      text NOT NULL CHECK (length(created_by) BETWEEN 1 AND 320),
    created_at      timestamptz NOT NULL,
    last_used_at    timestamptz,
    revoked_at      timestamptz
);
CREATE INDEX scim_tokens_by_organization ON scim_tokens (organization_id, token_id);

-- Whom the directory knows. Active is whoever is a member: a user without a member is one that was deactivated.
CREATE TABLE scim_users (
    scim_user_id    text PRIMARY KEY CHECK (scim_user_id LIKE 'scimuser\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    email           text NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 320),
    external_id     text CHECK (length(external_id) BETWEEN 1 AND 320),
    display_name    text NOT NULL DEFAULT '' CHECK (length(display_name) <= 320),
    given_name      text NOT NULL DEFAULT '' CHECK (length(given_name) <= 320),
    family_name     text NOT NULL DEFAULT '' CHECK (length(family_name) <= 320),
    created_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    UNIQUE (organization_id, email)
);
CREATE INDEX scim_users_by_organization ON scim_users (organization_id, scim_user_id);

-- Groups of the directory, and the role that being in one gives; null gives none.
CREATE TABLE scim_groups (
    scim_group_id   text PRIMARY KEY CHECK (scim_group_id LIKE 'scimgroup\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 320),
    external_id     text CHECK (length(external_id) BETWEEN 1 AND 320),
    role            text CHECK (role IN ('developer', 'billing', 'admin', 'auditor')),
    created_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL
);
CREATE UNIQUE INDEX scim_groups_by_name ON scim_groups (organization_id, lower(name));
CREATE INDEX scim_groups_by_organization ON scim_groups (organization_id, scim_group_id);
CREATE TABLE scim_group_users (
    scim_group_id   text NOT NULL REFERENCES scim_groups ON DELETE CASCADE,
    scim_user_id    text NOT NULL REFERENCES scim_users ON DELETE CASCADE,
    PRIMARY KEY (scim_group_id, scim_user_id)
);
CREATE INDEX scim_group_users_by_user ON scim_group_users (scim_user_id);

-- What somebody in no group with a role becomes.
ALTER TABLE organizations ADD COLUMN scim_role text NOT NULL DEFAULT 'developer'
    CHECK (scim_role IN ('developer', 'billing', 'admin', 'auditor'));
