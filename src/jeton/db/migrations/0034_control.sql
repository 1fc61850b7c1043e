-- Control: what a key may ask and was last used for; what an organization wants to be told beside budgets, and
-- when it wants quiet.

-- NULL is any: models by their id in the price book, networks as addresses or CIDR ranges.
ALTER TABLE api_keys
    ADD COLUMN models text[] CHECK (cardinality(models) BETWEEN 1 AND 100),
    ADD COLUMN networks text[] CHECK (cardinality(networks) BETWEEN 1 AND 50),
    ADD CHECK (kind = 'api' OR (models IS NULL AND networks IS NULL));

-- '' where it is not known: a use before this migration, or one that asked no model.
ALTER TABLE key_uses
    ADD COLUMN model text NOT NULL DEFAULT '' CHECK (length(model) <= 200),
    ADD COLUMN address text NOT NULL DEFAULT '' CHECK (length(address) <= 100);

-- Without a row: anomalies and price changes are told, silence is not.
CREATE TABLE alert_choices (
    organization_id uuid PRIMARY KEY REFERENCES organizations,
    tells_anomalies boolean NOT NULL,
    tells_price_changes boolean NOT NULL,
    silence_hours   smallint CHECK (silence_hours BETWEEN 1 AND 720),
    changed_at      timestamptz NOT NULL,
    changed_by      text NOT NULL CHECK (length(changed_by) BETWEEN 1 AND 320)
);

-- Until when alerts are not sent, only shown; about is a budget's id, or '' for every alert.
CREATE TABLE alert_snoozes (
    organization_id uuid NOT NULL REFERENCES organizations,
    about           text NOT NULL CHECK (length(about) <= 100),
    snoozed_until   timestamptz NOT NULL,
    snoozed_at      timestamptz NOT NULL,
    snoozed_by      text NOT NULL CHECK (length(snoozed_by) BETWEEN 1 AND 320),
    PRIMARY KEY (organization_id, about)
);
