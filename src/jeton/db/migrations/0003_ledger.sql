-- The ledger: journal, balances, lots, holds. All amounts are nano-dollars. Postings are signed:
-- positive is a debit, negative a credit; so what we owe an organization is negative.
--
-- Rows that every request writes (transactions, holds, and charges and usage_events after them) name
-- their organization without a foreign key: they are written only under the lock on its row in
-- balances, which has one; and `jeton ledger verify` checks the rest.

-- A loop, because an SQL function with an aggregate costs a CHECK twenty times as much.
CREATE FUNCTION nano_sum(amounts bigint[]) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    total  bigint := 0;
    amount bigint;
BEGIN
    FOREACH amount IN ARRAY amounts LOOP
        total := total + amount;
    END LOOP;
    RETURN total;
END $$;

-- One row a transaction. A posting is the i-th account, lot ('' where it has none) and amount.
CREATE TABLE transactions (
    transaction_id  text PRIMARY KEY CHECK (transaction_id LIKE 'txn\_%'),
    organization_id uuid NOT NULL,
    movement        text NOT NULL CHECK (movement IN (
                        'grant', 'top_up', 'hold', 'settle', 'release', 'expire_hold', 'expire_lot',
                        'refund', 'dispute', 'adjust', 'invoice_issue', 'invoice_pay', 'credit_note',
                        'write_off', 'rerate')),
    request_id      text,
    accounts        text[] NOT NULL,
    lots            text[] NOT NULL,
    amounts         bigint[] NOT NULL,
    reason          text NOT NULL DEFAULT '',
    posted_at       timestamptz NOT NULL,
    CONSTRAINT transactions_postings_aligned
        CHECK (cardinality(accounts) = cardinality(amounts) AND cardinality(lots) = cardinality(amounts)),
    CONSTRAINT transactions_sum_to_zero CHECK (nano_sum(amounts) = 0),
    CONSTRAINT transactions_accounts_known CHECK (accounts <@ ARRAY[
        'credit:paid', 'credit:free', 'held', 'receivable', 'accrued', 'cash', 'revenue', 'promotion',
        'breakage', 'tax', 'rounding', 'refunds', 'upstream_cost'])
);
CREATE TRIGGER transactions_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON transactions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE VIEW postings AS
    SELECT t.transaction_id, t.organization_id, t.movement, t.request_id, t.posted_at,
           p.position, p.account, nullif(p.lot_id, '') AS lot_id, p.amount_nano
    FROM transactions t
    CROSS JOIN LATERAL unnest(t.accounts, t.lots, t.amounts)
        WITH ORDINALITY AS p (account, lot_id, amount_nano, position);

-- Derived: what the postings of an organization add up to, an account a column. House accounts are
-- kept per organization, so that two organizations never wait for one row. The row is also the lock
-- under which an organization's lots and holds change.
CREATE TABLE balances (
    organization_id    uuid PRIMARY KEY REFERENCES organizations,
    credit_paid_nano   bigint NOT NULL DEFAULT 0 CHECK (credit_paid_nano <= 0),
    credit_free_nano   bigint NOT NULL DEFAULT 0 CHECK (credit_free_nano <= 0),
    held_nano          bigint NOT NULL DEFAULT 0 CHECK (held_nano <= 0),
    receivable_nano    bigint NOT NULL DEFAULT 0,
    accrued_nano       bigint NOT NULL DEFAULT 0,
    cash_nano          bigint NOT NULL DEFAULT 0,
    revenue_nano       bigint NOT NULL DEFAULT 0,
    promotion_nano     bigint NOT NULL DEFAULT 0,
    breakage_nano      bigint NOT NULL DEFAULT 0,
    tax_nano           bigint NOT NULL DEFAULT 0,
    rounding_nano      bigint NOT NULL DEFAULT 0,
    refunds_nano       bigint NOT NULL DEFAULT 0,
    upstream_cost_nano bigint NOT NULL DEFAULT 0,
    CONSTRAINT balances_sum_to_zero CHECK (
        credit_paid_nano::numeric + credit_free_nano + held_nano + receivable_nano + accrued_nano
        + cash_nano + revenue_nano + promotion_nano + breakage_nano + tax_nano + rounding_nano
        + refunds_nano + upstream_cost_nano = 0)
) WITH (fillfactor = 50);

CREATE TABLE lots (
    lot_id          text PRIMARY KEY CHECK (lot_id LIKE 'lot\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    kind            text NOT NULL CHECK (kind IN ('free', 'promotional', 'commit', 'paid')),
    priority        smallint NOT NULL DEFAULT 0,
    models          text[] CHECK (models IS NULL OR cardinality(models) > 0),
    granted_nano    bigint NOT NULL CHECK (granted_nano > 0),
    left_nano       bigint NOT NULL CHECK (left_nano >= 0),
    held_nano       bigint NOT NULL DEFAULT 0 CHECK (held_nano >= 0),
    used_nano       bigint NOT NULL DEFAULT 0 CHECK (used_nano >= 0),
    expired_nano    bigint NOT NULL DEFAULT 0 CHECK (expired_nano >= 0),
    refunded_nano   bigint NOT NULL DEFAULT 0 CHECK (refunded_nano >= 0),
    cost_basis_nano bigint NOT NULL DEFAULT 0 CHECK (cost_basis_nano >= 0),
    effective_at    timestamptz NOT NULL,
    expires_at      timestamptz CHECK (expires_at > effective_at),
    granted_at      timestamptz NOT NULL,
    reason          text NOT NULL,
    is_open         boolean GENERATED ALWAYS AS (left_nano > 0 OR held_nano > 0) STORED,
    CONSTRAINT lots_add_up CHECK (
        granted_nano = left_nano + held_nano + used_nano + expired_nano + refunded_nano)
) WITH (fillfactor = 50);
CREATE INDEX lots_by_organization ON lots (organization_id, lot_id);
-- What a hold looks at, whatever the number of lots that were used up before.
CREATE INDEX lots_open ON lots (organization_id) WHERE is_open;
CREATE INDEX lots_open_by_expiry ON lots (expires_at) WHERE is_open AND expires_at IS NOT NULL;
-- One trial an organization, whoever asks and however often.
CREATE UNIQUE INDEX lots_one_trial ON lots (organization_id) WHERE reason = 'trial';

-- Open holds only: the write-ahead record of a request. Its taking and its end are in the journal. So
-- few at a time that the sweeper reads them all.
CREATE TABLE holds (
    request_id      text PRIMARY KEY,
    organization_id uuid NOT NULL,
    workspace_id    text NOT NULL,
    key_id          text NOT NULL,
    node_id         text NOT NULL,
    model           text NOT NULL,
    upstream        text NOT NULL,
    price_version_id text NOT NULL,
    is_rehearsal    boolean NOT NULL,
    amount_nano     bigint NOT NULL CHECK (amount_nano >= 0),
    draws           jsonb NOT NULL,
    transaction_id  text NOT NULL,
    taken_at        timestamptz NOT NULL,
    valid_until     timestamptz NOT NULL
);
