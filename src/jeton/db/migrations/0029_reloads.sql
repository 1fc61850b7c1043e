-- Reloads: credit that is bought by itself. The rule is a choice and may change; a reload is an intent
-- that is committed before anybody is asked for money, and ends once, with an outcome.

CREATE TABLE reload_rules (
    organization_id uuid PRIMARY KEY REFERENCES organizations,
    threshold_nano  bigint NOT NULL CHECK (threshold_nano > 0),
    target_nano     bigint NOT NULL CHECK (target_nano > threshold_nano),
    -- For each calendar month of the zone.
    ceiling_nano    bigint NOT NULL CHECK (ceiling_nano > 0),
    zone            text NOT NULL,
    cool_down_s     integer NOT NULL CHECK (cool_down_s >= 0),
    -- Failures count from here on.
    armed_at        timestamptz NOT NULL,
    -- '' while it is on.
    off_reason      text NOT NULL DEFAULT '' CHECK (off_reason IN (
                        '', 'switched_off', 'no_card', 'hard_decline', 'authentication_required', 'failures')),
    -- The card with which it went off; another one brings it back.
    off_card        text NOT NULL DEFAULT '',
    saved_at        timestamptz NOT NULL,
    saved_by        text NOT NULL
);
-- What is looked at every few seconds.
CREATE INDEX reload_rules_looked_at ON reload_rules (organization_id) WHERE off_reason <> 'switched_off';

CREATE TABLE reloads (
    reload_id       text PRIMARY KEY CHECK (reload_id LIKE 'reload\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    payment_id      text NOT NULL UNIQUE,
    -- Whole cents of credit, before tax.
    amount_nano     bigint NOT NULL CHECK (amount_nano > 0 AND amount_nano % 10000000 = 0),
    -- What was known when it was decided.
    balance_nano    bigint NOT NULL,
    pending_nano    bigint NOT NULL CHECK (pending_nano >= 0),
    card            text NOT NULL,
    opened_at       timestamptz NOT NULL,
    ended_at        timestamptz CHECK (ended_at >= opened_at),
    outcome         text CHECK (outcome IN (
                        'succeeded', 'soft_decline', 'hard_decline', 'authentication_required', 'canceled')),
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
-- Whoever decides, on however many nodes: one at a time.
CREATE UNIQUE INDEX reloads_one_open ON reloads (organization_id) WHERE ended_at IS NULL;
CREATE INDEX reloads_by_organization ON reloads (organization_id, opened_at);
CREATE INDEX reloads_open ON reloads (opened_at) WHERE ended_at IS NULL;

-- What billing does by itself, a row for each kind: when it is due, who is at it, what came of it. The queue
-- only reminds of it; whoever runs one has claimed it here, so one process at a time does.
CREATE TABLE billing_jobs (
    kind          text PRIMARY KEY CHECK (kind ~ '^[a-z_]+$'),
    due_at        timestamptz NOT NULL,
    claim_id      text,
    claimed_until timestamptz,
    -- The process that began the last run.
    node_id       text NOT NULL DEFAULT '',
    started_at    timestamptz,
    ended_at      timestamptz,
    -- The end of the last run that did all it should.
    done_at       timestamptz,
    -- How many in a row did not, and why the last of them.
    failures      integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    problem       text NOT NULL DEFAULT '',
    -- What the last good run did, by name.
    counts        jsonb NOT NULL DEFAULT '{}',
    CHECK ((claim_id IS NULL) = (claimed_until IS NULL)),
    CHECK ((failures > 0) = (problem <> ''))
);
