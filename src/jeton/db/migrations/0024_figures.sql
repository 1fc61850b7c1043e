-- Figures that an operator may show to everybody: how requests ended, and how long texts are in tokens.
-- Not money: sums may miss what a node that died had not written yet.

-- Requests by UTC day, model, rule of the billing contract and step of their duration: the step's upper
-- limit, 0 for what took longer than every limit.
CREATE TABLE ending_rollups (
    day_on          date NOT NULL,
    model           text NOT NULL,
    rule_id         text NOT NULL,
    duration_limit_ms bigint NOT NULL CHECK (duration_limit_ms >= 0),
    requests        bigint NOT NULL CHECK (requests > 0),
    PRIMARY KEY (day_on, model, rule_id, duration_limit_ms)
) WITH (fillfactor = 50);

-- Characters of prompts that were counted again, and the tokens that upstreams reported for them, by
-- organization, so that a public figure can say of how many it is.
CREATE TABLE content_rollups (
    day_on          date NOT NULL,
    organization_id uuid NOT NULL,
    family          text NOT NULL,
    kind            text NOT NULL,
    observations    bigint NOT NULL CHECK (observations > 0),
    characters      bigint NOT NULL CHECK (characters >= 0),
    tokens          bigint NOT NULL CHECK (tokens >= 0),
    PRIMARY KEY (day_on, organization_id, family, kind)
) WITH (fillfactor = 50);
CREATE INDEX content_rollups_by_organization ON content_rollups (organization_id, day_on);
