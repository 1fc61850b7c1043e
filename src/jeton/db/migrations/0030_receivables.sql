-- Receivables: what was paid on a document, and what is done when nothing is.
--
-- Order of locks: bank_lines, then balances, documents, received_payments, and organizations last.

-- Money that came in for documents, and what credit notes left to an organization. What of it is on no document
-- is credit of the organization, worth unapplied_nano in receivable (below zero there). external_id: what the
-- bank, the provider or the document is known by, so that the same money is recorded once.
CREATE TABLE received_payments (
    payment_id      text PRIMARY KEY CHECK (payment_id LIKE 'rcvd\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    method          text NOT NULL CHECK (method IN ('card', 'bank_transfer', 'cheque', 'credit_note', 'other')),
    external_id     text NOT NULL DEFAULT '' CHECK (length(external_id) <= 300),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount_minor    bigint NOT NULL CHECK (amount_minor > 0),
    amount_nano     bigint NOT NULL CHECK (amount_nano >= 0),
    unapplied_minor bigint NOT NULL CHECK (unapplied_minor BETWEEN 0 AND amount_minor),
    unapplied_nano  bigint NOT NULL CHECK (unapplied_nano >= 0),
    returned_minor  bigint NOT NULL DEFAULT 0 CHECK (returned_minor BETWEEN 0 AND amount_minor),
    -- Whether what is left goes to the next document by itself; not once a person has taken it off one.
    is_automatic    boolean NOT NULL DEFAULT true,
    received_on     date NOT NULL,
    payer           text NOT NULL DEFAULT '' CHECK (length(payer) <= 1000),
    reference       text NOT NULL DEFAULT '' CHECK (length(reference) <= 1000),
    reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    recorded_at     timestamptz NOT NULL,
    recorded_by     text NOT NULL CHECK (length(recorded_by) BETWEEN 1 AND 320),
    transaction_id  text NOT NULL DEFAULT '',
    voided_at       timestamptz,
    CHECK ((unapplied_minor = 0) <= (unapplied_nano = 0)),
    CHECK (voided_at IS NULL OR unapplied_minor = 0)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX received_payments_once ON received_payments (method, external_id) WHERE external_id <> '';
CREATE INDEX received_payments_by_organization ON received_payments (organization_id, payment_id DESC);
CREATE INDEX received_payments_unapplied ON received_payments (organization_id, payment_id) WHERE unapplied_minor > 0;

-- What of a payment went to a document; below zero: taken off again (undoes). released_nano is what it was
-- worth as credit, amount_nano what it cleared of the document: they differ where the rates do.
CREATE TABLE payment_applications (
    application_id  text PRIMARY KEY CHECK (application_id LIKE 'appl\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    payment_id      text NOT NULL REFERENCES received_payments,
    document_id     text NOT NULL REFERENCES documents,
    amount_minor    bigint NOT NULL CHECK (amount_minor <> 0),
    amount_nano     bigint NOT NULL,
    released_nano   bigint NOT NULL,
    undoes          text UNIQUE REFERENCES payment_applications,
    reason          text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
    transaction_id  text NOT NULL,
    applied_at      timestamptz NOT NULL,
    applied_by      text NOT NULL CHECK (length(applied_by) BETWEEN 1 AND 320),
    CHECK ((undoes IS NULL) = (amount_minor > 0))
);
CREATE INDEX payment_applications_by_document ON payment_applications (document_id);
CREATE INDEX payment_applications_by_payment ON payment_applications (payment_id);
CREATE TRIGGER payment_applications_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_applications
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Money that left again: a payment that was not real, or was disputed (void), or credit paid back.
CREATE TABLE payment_returns (
    return_id       text PRIMARY KEY CHECK (return_id LIKE 'rtrn\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    payment_id      text NOT NULL REFERENCES received_payments,
    kind            text NOT NULL CHECK (kind IN ('void', 'paid_back')),
    amount_minor    bigint NOT NULL CHECK (amount_minor > 0),
    amount_nano     bigint NOT NULL CHECK (amount_nano >= 0),
    reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    transaction_id  text NOT NULL,
    returned_at     timestamptz NOT NULL,
    returned_by     text NOT NULL CHECK (length(returned_by) BETWEEN 1 AND 320)
);
CREATE INDEX payment_returns_by_payment ON payment_returns (payment_id);
CREATE TRIGGER payment_returns_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_returns
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What is given up of a document, with the tax in it.
CREATE TABLE write_offs (
    write_off_id    text PRIMARY KEY CHECK (write_off_id LIKE 'wroff\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    document_id     text NOT NULL REFERENCES documents,
    amount_minor    bigint NOT NULL CHECK (amount_minor > 0),
    tax_minor       bigint NOT NULL CHECK (tax_minor BETWEEN 0 AND amount_minor),
    amount_nano     bigint NOT NULL CHECK (amount_nano >= 0),
    tax_nano        bigint NOT NULL CHECK (tax_nano BETWEEN 0 AND amount_nano),
    reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    transaction_id  text NOT NULL,
    written_off_at  timestamptz NOT NULL,
    written_off_by  text NOT NULL CHECK (length(written_off_by) BETWEEN 1 AND 320)
);
CREATE INDEX write_offs_by_document ON write_offs (document_id);
CREATE TRIGGER write_offs_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON write_offs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE documents
    ADD COLUMN written_off_minor bigint NOT NULL DEFAULT 0 CHECK (written_off_minor >= 0),
    ADD CHECK (paid_minor + credited_minor + written_off_minor <= total_minor),
    DROP CONSTRAINT documents_state_check,
    ADD CONSTRAINT documents_state_check CHECK (state IN ('issued', 'paid', 'overdue', 'written_off', 'void'));
CREATE OR REPLACE FUNCTION changing_columns() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY['state', 'paid_minor', 'credited_minor', 'written_off_minor', 'paid_at', 'overdue_at', 'voided_at']
$$;
-- As in 0026; and a payment that was applied by mistake is taken off again, so that what it paid is due again.
CREATE OR REPLACE FUNCTION refuse_document_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - changing_columns() <> to_jsonb(OLD) - changing_columns() THEN
        RAISE EXCEPTION 'document % is issued: correct it with a credit note', OLD.number
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state = 'void' OR (OLD.state, NEW.state) = ('overdue', 'issued')) THEN
        RAISE EXCEPTION 'document % is %: it cannot become %', OLD.number, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- How a number is compared with what a payer wrote: in capitals, without signs.
CREATE FUNCTION plain_number(number text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(upper(number), '[^A-Z0-9]', '', 'g')
$$;
CREATE INDEX documents_plain_numbers ON documents (plain_number(number));
CREATE INDEX documents_due ON documents (currency, (total_minor - paid_minor - credited_minor - written_off_minor))
    WHERE state IN ('issued', 'overdue');

-- A bank's statement that was imported, and its movements; the bank's reference is unique on its account.
CREATE TABLE bank_statements (
    statement_id    text PRIMARY KEY CHECK (statement_id LIKE 'stmt\_%'),
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 300),
    format          text NOT NULL CHECK (format IN ('csv', 'camt')),
    account         text NOT NULL CHECK (length(account) <= 100),
    digest          bytea NOT NULL CHECK (length(digest) = 32),
    lines           integer NOT NULL CHECK (lines >= 0),
    imported_at     timestamptz NOT NULL,
    imported_by     text NOT NULL CHECK (length(imported_by) BETWEEN 1 AND 320)
);
-- open: waits for the operator; applied: became a payment by itself; assigned: by hand; ignored: went out, or is
-- no payment of ours.
CREATE TABLE bank_lines (
    line_id         text PRIMARY KEY CHECK (line_id LIKE 'bkln\_%'),
    statement_id    text NOT NULL REFERENCES bank_statements,
    position        integer NOT NULL CHECK (position > 0),
    account         text NOT NULL,
    bank_reference  text NOT NULL CHECK (length(bank_reference) BETWEEN 1 AND 200),
    booked_on       date NOT NULL,
    amount_minor    bigint NOT NULL CHECK (amount_minor <> 0),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    payer           text NOT NULL,
    remittance      text NOT NULL,
    end_to_end_id   text NOT NULL,
    creditor_reference text NOT NULL,
    is_return       boolean NOT NULL,
    state           text NOT NULL CHECK (state IN ('open', 'applied', 'assigned', 'ignored')),
    verdict         text NOT NULL CHECK (verdict IN ('matched', 'ambiguous', 'unknown', 'outgoing')),
    why             text NOT NULL,
    payment_id      text REFERENCES received_payments,
    ended_at        timestamptz,
    ended_by        text NOT NULL DEFAULT '',
    UNIQUE (account, bank_reference),
    CHECK ((state IN ('applied', 'assigned')) = (payment_id IS NOT NULL)),
    CHECK ((state = 'open') = (ended_at IS NULL))
);
CREATE INDEX bank_lines_open ON bank_lines (booked_on, line_id) WHERE state = 'open';
CREATE INDEX bank_lines_by_statement ON bank_lines (statement_id, position);
CREATE INDEX bank_lines_by_payment ON bank_lines (payment_id) WHERE payment_id IS NOT NULL;

-- What was done because a document was not paid in time, each once. step: the number of the mail, 1 for the
-- others. What was tried on a card is in payments.
CREATE TABLE dunning_steps (
    document_id     text NOT NULL REFERENCES documents,
    kind            text NOT NULL CHECK (kind IN ('mail', 'soft_limit', 'stop')),
    step            integer NOT NULL CHECK (step > 0),
    organization_id uuid NOT NULL REFERENCES organizations,
    due_minor       bigint NOT NULL CHECK (due_minor > 0),
    taken_at        timestamptz NOT NULL,
    PRIMARY KEY (document_id, kind, step)
);
CREATE INDEX dunning_steps_by_organization ON dunning_steps (organization_id, taken_at);
CREATE TRIGGER dunning_steps_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON dunning_steps
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What was tried on cards is counted by document and by card.
CREATE INDEX payments_of_documents ON payments (split_part(subject_id, ':', 1)) WHERE purpose = 'document';
CREATE INDEX payments_by_method ON payments (payment_method_id, started_at) WHERE payment_method_id IS NOT NULL;

-- The operator waits for a document until the end of a day; the latest row counts.
CREATE TABLE dunning_pauses (
    pause_id        text PRIMARY KEY CHECK (pause_id LIKE 'pause\_%'),
    document_id     text NOT NULL REFERENCES documents,
    until_on        date NOT NULL,
    reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    paused_at       timestamptz NOT NULL,
    paused_by       text NOT NULL CHECK (length(paused_by) BETWEEN 1 AND 320)
);
CREATE INDEX dunning_pauses_by_document ON dunning_pauses (document_id, pause_id DESC);
CREATE TRIGGER dunning_pauses_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON dunning_pauses
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What an organization may do while it owes: '' everything; limited: it is told with each answer, and its credit
-- limit is not raised; stopped: new requests are refused with arrears_sentence. arrears_number is the document.
ALTER TABLE organizations
    ADD COLUMN arrears text NOT NULL DEFAULT '' CHECK (arrears IN ('', 'limited', 'stopped')),
    ADD COLUMN arrears_at timestamptz,
    ADD COLUMN arrears_number text NOT NULL DEFAULT '' CHECK (length(arrears_number) <= 80),
    ADD COLUMN arrears_sentence text NOT NULL DEFAULT '' CHECK (length(arrears_sentence) <= 1000),
    ADD CHECK ((arrears = '') = (arrears_at IS NULL AND arrears_number = '' AND arrears_sentence = ''));
CREATE INDEX organizations_in_arrears ON organizations (organization_id) WHERE arrears <> '';
DROP TRIGGER organizations_announce_policy ON organizations;
CREATE TRIGGER organizations_announce_policy
    AFTER UPDATE OF outage_cap_nano, suspended_at, arrears, arrears_sentence ON organizations
    FOR EACH ROW EXECUTE FUNCTION announce_policy();
