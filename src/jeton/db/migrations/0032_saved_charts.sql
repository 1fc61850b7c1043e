-- Saved charts: a name for what the address of usage or cost says, for one member or for the organization;
-- and which of them a member has pinned to the overview.

-- A chart without a member is the organization's: it stays when whoever saved it leaves. page_state is the
-- query of the address, names and values as the page reads them.
CREATE TABLE saved_charts (
    chart_id        text PRIMARY KEY CHECK (chart_id LIKE 'chart\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    member_id       text REFERENCES members ON DELETE CASCADE,
    saved_by        text NOT NULL,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    page            text NOT NULL CHECK (page IN ('usage', 'cost')),
    page_state      text NOT NULL CHECK (length(page_state) <= 2000),
    saved_at        timestamptz NOT NULL
);
CREATE INDEX saved_charts_by_organization ON saved_charts (organization_id, chart_id);
CREATE INDEX saved_charts_by_member ON saved_charts (member_id) WHERE member_id IS NOT NULL;

CREATE TABLE pinned_charts (
    member_id text NOT NULL REFERENCES members ON DELETE CASCADE,
    chart_id  text NOT NULL REFERENCES saved_charts ON DELETE CASCADE,
    pinned_at timestamptz NOT NULL,
    PRIMARY KEY (member_id, chart_id)
);
CREATE INDEX pinned_charts_by_chart ON pinned_charts (chart_id);
