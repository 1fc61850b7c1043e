-- What an invoiced organization's requests do while the database is away: 0 stops them; an amount lets each
-- node serve up to it, on the node's own disk until the database is back.

ALTER TABLE organizations ADD COLUMN outage_cap_nano bigint NOT NULL DEFAULT 0 CHECK (outage_cap_nano >= 0);

-- Nodes remember keys together with their organization's policy.
CREATE FUNCTION announce_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('jeton_keys', 'organization ' || NEW.organization_id);
    RETURN NULL;
END $$;
CREATE TRIGGER organizations_announce_policy AFTER UPDATE OF outage_cap_nano ON organizations
    FOR EACH ROW EXECUTE FUNCTION announce_policy();
