-- Payments: customers of a payment provider, purchases, refunds, disputes, what a provider said.
--
-- A provider is only how money moves. No card number is here: brand, last four digits and expiry are what a
-- person needs to know a card by. Amounts end in _minor (of the payment's currency) or in _nano (the ledger's).

CREATE TABLE payers (
    organization_id      uuid NOT NULL REFERENCES organizations,
    provider             text NOT NULL CHECK (provider ~ '^[a-z]+$'),
    payer_id text NOT NULL CHECK (length(payer_id) BETWEEN 1 AND 255),
    created_at           timestamptz NOT NULL,
    PRIMARY KEY (organization_id, provider),
    UNIQUE (provider, payer_id)
);

CREATE TABLE payment_methods (
    payment_method_id  text PRIMARY KEY CHECK (payment_method_id LIKE 'pmeth\_%'),
    organization_id    uuid NOT NULL REFERENCES organizations,
    provider           text NOT NULL,
    provider_method_id text NOT NULL CHECK (length(provider_method_id) BETWEEN 1 AND 255),
    brand              text NOT NULL CHECK (length(brand) BETWEEN 1 AND 40),
    last4              text NOT NULL CHECK (last4 ~ '^[0-9]{4}$'),
    expires_year       smallint NOT NULL CHECK (expires_year BETWEEN 2000 AND 2200),
    expires_month      smallint NOT NULL CHECK (expires_month BETWEEN 1 AND 12),
    is_default         boolean NOT NULL DEFAULT false,
    added_at           timestamptz NOT NULL,
    removed_at         timestamptz,
    UNIQUE (provider, provider_method_id),
    CHECK (removed_at IS NULL OR NOT is_default)
);
CREATE UNIQUE INDEX payment_methods_one_default ON payment_methods (organization_id) WHERE is_default;
CREATE INDEX payment_methods_by_organization ON payment_methods (organization_id, payment_method_id);

-- One row an attempt. What is paid for is (purpose, subject_id): of its attempts at most one is open.
CREATE TABLE payments (
    payment_id          text PRIMARY KEY CHECK (payment_id LIKE 'pay\_%'),
    organization_id     uuid NOT NULL REFERENCES organizations,
    purpose             text NOT NULL CHECK (purpose IN ('purchase', 'reload', 'document')),
    subject_id          text NOT NULL CHECK (length(subject_id) BETWEEN 1 AND 100),
    attempt             integer NOT NULL CHECK (attempt > 0),
    provider            text NOT NULL,
    -- What the provider knows this attempt by, however often it is sent.
    idempotency_key     text NOT NULL UNIQUE CHECK (length(idempotency_key) BETWEEN 1 AND 200),
    payment_method_id   text REFERENCES payment_methods,
    is_off_session      boolean NOT NULL,
    currency            text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    net_minor           bigint NOT NULL CHECK (net_minor > 0),
    tax_minor           bigint NOT NULL DEFAULT 0 CHECK (tax_minor >= 0),
    amount_minor        bigint NOT NULL CHECK (amount_minor = net_minor + tax_minor),
    tax_category        text NOT NULL DEFAULT 'O',
    tax_rate            text NOT NULL DEFAULT '0',
    -- What both are in the ledger, and the credit that is bought for net_nano; 0 for a document.
    net_nano            bigint NOT NULL CHECK (net_nano > 0),
    tax_nano            bigint NOT NULL DEFAULT 0 CHECK (tax_nano >= 0),
    credit_nano         bigint NOT NULL DEFAULT 0 CHECK (credit_nano >= 0),
    given_nano          bigint NOT NULL DEFAULT 0 CHECK (given_nano >= 0),
    state               text NOT NULL CHECK (state IN
                            ('pending', 'requires_action', 'succeeded', 'failed', 'canceled')),
    -- Where a person goes on: 3-D Secure, or the provider's page; '' where there is nothing to do.
    action_url          text NOT NULL DEFAULT '',
    provider_page_id    text,
    provider_payment_id text,
    decline_code        text NOT NULL DEFAULT '',
    -- The bank's reason in words.
    decline_reason      text NOT NULL DEFAULT '',
    is_hard_decline     boolean NOT NULL DEFAULT false,
    lot_id              text REFERENCES lots,
    given_lot_id        text REFERENCES lots,
    transaction_id      text,
    refunded_minor      bigint NOT NULL DEFAULT 0,
    refunded_tax_minor  bigint NOT NULL DEFAULT 0,
    started_by          text NOT NULL,
    started_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    settled_at          timestamptz,
    UNIQUE (purpose, subject_id, attempt),
    UNIQUE (provider, provider_payment_id),
    UNIQUE (provider, provider_page_id),
    CHECK ((state IN ('pending', 'requires_action')) = (settled_at IS NULL)),
    CHECK (refunded_minor BETWEEN 0 AND amount_minor AND refunded_tax_minor BETWEEN 0 AND tax_minor),
    CHECK (is_hard_decline = false OR state = 'failed')
);
CREATE UNIQUE INDEX payments_one_open ON payments (purpose, subject_id)
    WHERE state IN ('pending', 'requires_action');
CREATE INDEX payments_by_organization ON payments (organization_id, payment_id);
CREATE INDEX payments_by_subject ON payments (purpose, subject_id, attempt);
CREATE INDEX payments_unsettled ON payments (updated_at) WHERE settled_at IS NULL;
CREATE INDEX payments_settled ON payments (settled_at) WHERE settled_at IS NOT NULL;

-- What a provider told us, once each: the row and its effect are one transaction.
CREATE TABLE provider_events (
    provider    text NOT NULL,
    event_id    text NOT NULL CHECK (length(event_id) BETWEEN 1 AND 255),
    type        text NOT NULL CHECK (length(type) BETWEEN 1 AND 100),
    object_id   text NOT NULL DEFAULT '',
    payment_id  text REFERENCES payments,
    -- booked: it changed something; known: nothing new; noted: of no concern here; refused: it contradicts us.
    outcome     text NOT NULL CHECK (outcome IN ('booked', 'known', 'noted', 'refused')),
    sentence    text NOT NULL DEFAULT '',
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (provider, event_id)
);
CREATE INDEX provider_events_by_time ON provider_events (received_at);
CREATE INDEX provider_events_by_payment ON provider_events (payment_id) WHERE payment_id IS NOT NULL;
CREATE TRIGGER provider_events_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON provider_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Money given back. The credit is out of the lot before the provider is asked; a refund that fails puts it back.
CREATE TABLE refunds (
    refund_id          text PRIMARY KEY CHECK (refund_id LIKE 'rfnd\_%'),
    organization_id    uuid NOT NULL REFERENCES organizations,
    payment_id         text NOT NULL REFERENCES payments,
    lot_id             text REFERENCES lots,
    idempotency_key    text NOT NULL UNIQUE,
    credit_nano        bigint NOT NULL CHECK (credit_nano >= 0),
    given_nano         bigint NOT NULL DEFAULT 0 CHECK (given_nano >= 0),
    net_minor          bigint NOT NULL CHECK (net_minor >= 0),
    tax_minor          bigint NOT NULL CHECK (tax_minor >= 0),
    amount_minor       bigint NOT NULL CHECK (amount_minor = net_minor + tax_minor AND amount_minor > 0),
    net_nano           bigint NOT NULL CHECK (net_nano >= 0),
    tax_nano           bigint NOT NULL CHECK (tax_nano >= 0),
    state              text NOT NULL CHECK (state IN ('pending', 'succeeded', 'failed')),
    provider_refund_id text UNIQUE,
    failure_reason     text NOT NULL DEFAULT '',
    reason             text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    asked_by           text NOT NULL,
    transaction_id     text NOT NULL,
    asked_at           timestamptz NOT NULL,
    settled_at         timestamptz,
    CHECK ((state = 'pending') = (settled_at IS NULL))
);
CREATE INDEX refunds_by_organization ON refunds (organization_id, refund_id);
CREATE INDEX refunds_by_payment ON refunds (payment_id);
CREATE INDEX refunds_unsettled ON refunds (asked_at) WHERE settled_at IS NULL;

-- A payment that the bank took back, for now or for good. What was left of the lot went out (left_nano),
-- what was gone of it is owed (owed_nano); won: the exact reverse.
CREATE TABLE disputes (
    dispute_id           text PRIMARY KEY CHECK (dispute_id LIKE 'dspt\_%'),
    organization_id      uuid NOT NULL REFERENCES organizations,
    payment_id           text NOT NULL REFERENCES payments,
    provider             text NOT NULL,
    provider_dispute_id  text NOT NULL,
    currency             text NOT NULL,
    amount_minor         bigint NOT NULL CHECK (amount_minor > 0),
    state                text NOT NULL CHECK (state IN ('open', 'won', 'lost')),
    reason               text NOT NULL DEFAULT '',
    left_nano            bigint NOT NULL DEFAULT 0 CHECK (left_nano >= 0),
    given_nano           bigint NOT NULL DEFAULT 0 CHECK (given_nano >= 0),
    owed_nano            bigint NOT NULL DEFAULT 0 CHECK (owed_nano >= 0),
    tax_nano             bigint NOT NULL DEFAULT 0 CHECK (tax_nano >= 0),
    -- What was held for requests in flight: once they end, it is owed or was taken back.
    pending_nano         bigint NOT NULL DEFAULT 0 CHECK (pending_nano >= 0),
    refunded_before_nano bigint NOT NULL DEFAULT 0 CHECK (refunded_before_nano >= 0),
    -- Whether this dispute is what froze the lot.
    is_freezing          boolean NOT NULL DEFAULT false,
    opened_at            timestamptz NOT NULL,
    answer_by            timestamptz,
    closed_at            timestamptz,
    UNIQUE (provider, provider_dispute_id),
    CHECK ((state = 'open') = (closed_at IS NULL))
);
CREATE INDEX disputes_by_organization ON disputes (organization_id, dispute_id);
CREATE INDEX disputes_by_payment ON disputes (payment_id);
CREATE INDEX disputes_open ON disputes (opened_at) WHERE state = 'open';

-- How far the comparison with a provider has come.
CREATE TABLE provider_readings (
    provider   text PRIMARY KEY,
    read_until timestamptz NOT NULL
);

ALTER TABLE alarms DROP CONSTRAINT alarms_code_check,
    ADD CONSTRAINT alarms_code_check CHECK (code IN (
        'bound_exceeded', 'tokenizer_demoted', 'ledger_unsound', 'payment_mismatch', 'payment_repeated'));
