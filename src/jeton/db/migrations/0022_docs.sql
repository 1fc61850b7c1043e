-- What readers think of a page of the documentation, and who pays for what Ask Docs asks.

CREATE TABLE page_votes (
    slug            text NOT NULL CHECK (length(slug) BETWEEN 1 AND 100),
    -- Of the page's source, so that praise for an old text is not praise for a new one.
    page_version    text NOT NULL CHECK (length(page_version) BETWEEN 1 AND 64),
    -- SHA-256 of the member, of a random cookie, or of an agent's address and name.
    voter           bytea NOT NULL CHECK (length(voter) = 32),
    channel         text NOT NULL CHECK (channel IN ('person', 'agent')),
    is_helpful      boolean NOT NULL,
    reason          text NOT NULL DEFAULT '' CHECK (reason IN ('', 'outdated', 'unclear', 'wrong_number')),
    comment         text NOT NULL DEFAULT '' CHECK (length(comment) <= 2000),
    voted_at        timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    PRIMARY KEY (slug, page_version, voter)
);
CREATE INDEX page_votes_by_time ON page_votes (changed_at);

-- Organizations of the installation itself, by what they are for.
CREATE TABLE internal_organizations (
    purpose         text PRIMARY KEY CHECK (purpose ~ '^[a-z]+(_[a-z]+)*$'),
    organization_id uuid NOT NULL UNIQUE REFERENCES organizations,
    workspace_id    text NOT NULL REFERENCES workspaces,
    key_id          text NOT NULL REFERENCES api_keys,
    created_at      timestamptz NOT NULL
);
