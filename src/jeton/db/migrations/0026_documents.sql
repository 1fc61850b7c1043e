-- Documents: whom they are for, invoices, receipts, credit notes, their lines and their numbers.
--
-- A document is written whole, with its number, in the transaction that posts it; a draft is never stored. What
-- was issued is a fact: only where its payment stands changes, and its state only forward. Amounts in minor are
-- of the document's currency, those of a credit note are positive.
--
-- Order of locks, so that nobody waits in a circle: balances, then billing_profiles, then number_series.

-- Whom documents of an organization are for, and when they are made; '' and NULL: as the settings say.
-- documents counts how often some were made, so that what was decided on another count is refused.
CREATE TABLE billing_profiles (
    organization_id uuid PRIMARY KEY REFERENCES organizations,
    legal_name      text NOT NULL DEFAULT '' CHECK (length(legal_name) <= 200),
    street          text NOT NULL DEFAULT '' CHECK (length(street) <= 200),
    city            text NOT NULL DEFAULT '' CHECK (length(city) <= 100),
    postal_code     text NOT NULL DEFAULT '' CHECK (length(postal_code) <= 20),
    country         text NOT NULL DEFAULT '' CHECK (country ~ '^([A-Z]{2})?$'),
    vat_number      text NOT NULL DEFAULT '' CHECK (length(vat_number) <= 30),
    registration    text NOT NULL DEFAULT '' CHECK (length(registration) <= 100),
    emails          text[] NOT NULL DEFAULT '{}' CHECK (cardinality(emails) <= 20),
    currency        text NOT NULL DEFAULT '' CHECK (currency ~ '^([A-Z]{3})?$'),
    zone            text NOT NULL DEFAULT 'UTC',
    anchor_day      smallint NOT NULL DEFAULT 1 CHECK (anchor_day BETWEEN 1 AND 31),
    net_days        smallint CHECK (net_days BETWEEN 0 AND 365),
    grace_days      smallint CHECK (grace_days BETWEEN 0 AND 60),
    purchase_order  text NOT NULL DEFAULT '' CHECK (length(purchase_order) <= 100),
    tax_category    text NOT NULL DEFAULT '' CHECK (tax_category IN ('', 'S', 'Z', 'E', 'AE', 'O')),
    tax_reason      text NOT NULL DEFAULT '' CHECK (length(tax_reason) <= 200),
    minimum_nano    bigint NOT NULL DEFAULT 0 CHECK (minimum_nano >= 0),
    documents       bigint NOT NULL DEFAULT 0 CHECK (documents >= 0),
    changed_at      timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);

-- Units of a currency for one dollar, from a day on, as the operator noted it, with where it is from. A rate
-- that was wrong is noted again: the later note counts.
CREATE TABLE exchange_rates (
    rate_id         text PRIMARY KEY CHECK (rate_id LIKE 'rate\_%'),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$' AND currency <> 'USD'),
    from_on         date NOT NULL,
    rate            numeric NOT NULL CHECK (rate > 0 AND rate < 1000000000),
    source          text NOT NULL CHECK (length(source) BETWEEN 1 AND 200),
    noted_at        timestamptz NOT NULL,
    noted_by        text NOT NULL CHECK (length(noted_by) BETWEEN 1 AND 320)
);
CREATE INDEX exchange_rates_in_force ON exchange_rates (currency, from_on DESC, rate_id DESC);
CREATE TRIGGER exchange_rates_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON exchange_rates
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- An organization has agreed to use at least so much (net amount) in a term; what is missing at its end is
-- billed (true-up). A commit that is paid in advance is a lot and not here.
CREATE TABLE commitments (
    commitment_id   text PRIMARY KEY CHECK (commitment_id LIKE 'commit\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    amount_nano     bigint NOT NULL CHECK (amount_nano > 0),
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL CHECK (ends_at > starts_at),
    reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    agreed_at       timestamptz NOT NULL,
    agreed_by       text NOT NULL CHECK (length(agreed_by) BETWEEN 1 AND 320),
    ended_at        timestamptz
);
CREATE INDEX commitments_by_organization ON commitments (organization_id, ends_at);

-- A period that was closed, once, whether or not there was anything to bill in it; half-open. Each but the first
-- begins where another one ended (follows), so that no instant is billed twice or never.
CREATE TABLE billing_periods (
    organization_id uuid NOT NULL REFERENCES organizations,
    period_from     timestamptz NOT NULL,
    period_to       timestamptz NOT NULL CHECK (period_to > period_from),
    follows         timestamptz CHECK (follows = period_from),
    closed_at       timestamptz NOT NULL,
    PRIMARY KEY (organization_id, period_from),
    UNIQUE (organization_id, period_to),
    FOREIGN KEY (organization_id, follows) REFERENCES billing_periods (organization_id, period_to)
);
CREATE UNIQUE INDEX billing_periods_one_first ON billing_periods (organization_id) WHERE follows IS NULL;
CREATE TRIGGER billing_periods_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_periods
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Numbers as the law wants them: without gaps within a series, given in the transaction that issues.
CREATE TABLE number_series (
    series          text PRIMARY KEY CHECK (length(series) BETWEEN 1 AND 60),
    last            bigint NOT NULL CHECK (last > 0)
);

-- purpose: period, what was used in one; purchase of credit; refund of credit; cancellation, of a whole
-- document; allowance, goodwill on one; adjustment, late usage that came to less than was billed.
-- accrued_nano: what the document took out of accrued (below zero: gave back); owed_nano: what of its total was
-- in receivable before it (overruns, commits); earned_nano: what was posted as breakage (true-ups, minimums);
-- all in the direction of the document. subject: the payment or refund of a purchase or a refund.
CREATE TABLE documents (
    document_id     text PRIMARY KEY CHECK (document_id ~ '^(inv|rcpt|crn)_'),
    organization_id uuid NOT NULL REFERENCES organizations,
    kind            text NOT NULL CHECK (kind IN ('invoice', 'receipt', 'credit_note')),
    purpose         text NOT NULL CHECK (purpose IN (
                        'period', 'purchase', 'refund', 'cancellation', 'allowance', 'adjustment')),
    state           text NOT NULL CHECK (state IN ('issued', 'paid', 'overdue', 'void')),
    number          text NOT NULL UNIQUE CHECK (length(number) BETWEEN 1 AND 80),
    series          text NOT NULL,
    sequence        bigint NOT NULL CHECK (sequence > 0),
    seller          jsonb NOT NULL,
    buyer           jsonb NOT NULL,
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    rate            text NOT NULL,
    period_from     timestamptz NOT NULL,
    period_to       timestamptz NOT NULL,
    zone            text NOT NULL,
    issued_at       timestamptz NOT NULL,
    issued_on       date NOT NULL,
    due_on          date NOT NULL,
    purchase_order  text NOT NULL,
    terms           text NOT NULL,
    taxes           jsonb NOT NULL,
    notes           text[] NOT NULL,
    remittance      jsonb NOT NULL,
    lines_count     integer NOT NULL CHECK (lines_count >= 0),
    lines_minor     bigint NOT NULL,
    tax_minor       bigint NOT NULL,
    total_minor     bigint NOT NULL CHECK (total_minor >= 0),
    net_nano        bigint NOT NULL,
    tax_nano        bigint NOT NULL,
    total_nano      bigint NOT NULL CHECK (total_nano >= 0),
    accrued_nano    bigint NOT NULL DEFAULT 0,
    owed_nano       bigint NOT NULL DEFAULT 0,
    earned_nano     bigint NOT NULL DEFAULT 0,
    transaction_id  text,
    corrects        text REFERENCES documents DEFERRABLE INITIALLY DEFERRED,
    replaces        text REFERENCES documents DEFERRABLE INITIALLY DEFERRED,
    subject         text NOT NULL DEFAULT '' CHECK (length(subject) <= 100),
    reason          text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
    -- From here on: where its payment stands, which alone changes.
    paid_minor      bigint NOT NULL DEFAULT 0 CHECK (paid_minor >= 0),
    credited_minor  bigint NOT NULL DEFAULT 0 CHECK (credited_minor >= 0),
    paid_at         timestamptz,
    overdue_at      timestamptz,
    voided_at       timestamptz,
    CHECK (lines_minor + tax_minor = total_minor),
    CHECK (paid_minor + credited_minor <= total_minor),
    CHECK ((kind = 'credit_note') = (purpose IN ('refund', 'cancellation', 'allowance', 'adjustment')))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX documents_numbers ON documents (series, sequence);
-- The time of making comes after the prefix of an id, and decides the order of lists.
CREATE INDEX documents_by_organization ON documents (organization_id, split_part(document_id, '_', 2) DESC);
CREATE INDEX documents_latest ON documents (split_part(document_id, '_', 2) DESC);
CREATE INDEX documents_open ON documents (due_on, document_id) WHERE state IN ('issued', 'overdue');
-- A period is billed once; again only after that document was cancelled.
CREATE UNIQUE INDEX documents_one_a_period ON documents (organization_id, period_from)
    WHERE purpose = 'period' AND state <> 'void';
CREATE UNIQUE INDEX documents_one_cancellation ON documents (corrects) WHERE purpose = 'cancellation';
CREATE UNIQUE INDEX documents_one_a_subject ON documents (purpose, subject) WHERE subject <> '';
CREATE INDEX documents_corrections ON documents (corrects) WHERE corrects IS NOT NULL;

-- What of a document may change after it was issued; a later migration may name more.
CREATE FUNCTION changing_columns() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY['state', 'paid_minor', 'credited_minor', 'paid_at', 'overdue_at', 'voided_at']
$$;
CREATE FUNCTION refuse_document_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - changing_columns() <> to_jsonb(OLD) - changing_columns() THEN
        RAISE EXCEPTION 'document % is issued: correct it with a credit note', OLD.number
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('issued', 'paid'), ('issued', 'overdue'), ('issued', 'void'),
        ('overdue', 'paid'), ('overdue', 'void'), ('paid', 'void')
    ) THEN
        RAISE EXCEPTION 'document % is %: it cannot become %', OLD.number, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER documents_change_forward BEFORE UPDATE ON documents
    FOR EACH ROW EXECUTE FUNCTION refuse_document_change();
CREATE TRIGGER documents_are_facts BEFORE DELETE OR TRUNCATE ON documents
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- line_key: what is billed, the same in every period and document, so that what was billed of it can be summed
-- and late usage told. period_from: the period it belongs to, an earlier one for an adjustment.
CREATE TABLE document_lines (
    document_id     text NOT NULL REFERENCES documents,
    position        integer NOT NULL CHECK (position > 0),
    organization_id uuid NOT NULL,
    kind            text NOT NULL CHECK (kind IN (
                        'usage', 'adjustment', 'credit', 'commit', 'true_up', 'minimum', 'top_up', 'refund', 'rounding')),
    line_key        text NOT NULL,
    period_from     timestamptz NOT NULL,
    period_to       timestamptz NOT NULL,
    description     text NOT NULL,
    quantity        bigint NOT NULL,
    per             bigint NOT NULL CHECK (per > 0),
    list_rate       bigint NOT NULL CHECK (list_rate >= 0),
    list_nano       bigint NOT NULL,
    -- [[stage, name, factor, amount_nano, amount_minor], …]
    discounts       jsonb NOT NULL,
    rounding_nano   bigint NOT NULL,
    net_nano        bigint NOT NULL,
    list_minor      bigint NOT NULL,
    net_minor       bigint NOT NULL,
    tax_category    text NOT NULL CHECK (tax_category IN ('S', 'Z', 'E', 'AE', 'O')),
    tax_rate        text NOT NULL,
    workspace_id    text NOT NULL DEFAULT '',
    workspace_name  text NOT NULL DEFAULT '',
    cost_center     text NOT NULL DEFAULT '',
    purchase_order  text NOT NULL DEFAULT '',
    model           text NOT NULL DEFAULT '',
    bucket          text NOT NULL DEFAULT '',
    price_version_id text NOT NULL DEFAULT '',
    conditions      text NOT NULL DEFAULT '',
    corrects        text NOT NULL DEFAULT '',
    PRIMARY KEY (document_id, position)
);
CREATE INDEX document_lines_by_period ON document_lines (organization_id, period_from);
CREATE TRIGGER document_lines_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON document_lines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- No line comes to a document that has its lines.
CREATE FUNCTION refuse_more_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    SELECT d.number INTO wrong
    FROM (SELECT DISTINCT document_id FROM added) AS a JOIN documents AS d USING (document_id)
    WHERE d.lines_count <> (SELECT count(*) FROM document_lines AS l WHERE l.document_id = a.document_id)
    LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'document % has not the lines that it was issued with', wrong
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER document_lines_come_whole AFTER INSERT ON document_lines
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_more_lines();

-- What was billed so far of each period, by what it was billed for; credit notes take away.
CREATE VIEW billed_sums AS
    SELECT l.organization_id, l.period_from, l.line_key,
           sum(s.sign * l.quantity)::bigint AS quantity, sum(s.sign * l.list_nano)::bigint AS list_nano,
           sum(s.sign * l.net_nano)::bigint AS net_nano
    FROM document_lines AS l JOIN documents AS d USING (document_id)
    CROSS JOIN LATERAL (SELECT CASE d.kind WHEN 'credit_note' THEN -1 ELSE 1 END AS sign) AS s
    WHERE d.purpose IN ('period', 'adjustment', 'cancellation')
    GROUP BY l.organization_id, l.period_from, l.line_key;
