-- What was made of a document as data, and what its judges said: one row a document, written by a job after its
-- issue. obstacle: why EN 16931 cannot say it, '' where it can. problem: what the schemas of both syntaxes found,
-- '' where nothing. The digests are of what was judged, which is what is handed out.
CREATE TABLE e_invoices (
    document_id     text PRIMARY KEY REFERENCES documents,
    obstacle        text NOT NULL,
    problem         text NOT NULL,
    cii_sha256      bytea CHECK (length(cii_sha256) = 32),
    ubl_sha256      bytea CHECK (length(ubl_sha256) = 32),
    made_by         text NOT NULL,
    checked_at      timestamptz NOT NULL,
    CHECK ((obstacle = '') = (cii_sha256 IS NOT NULL AND ubl_sha256 IS NOT NULL))
);

-- taken_back: by a bank, or at the payment provider; it was real, and nobody here paid it back.
ALTER TABLE payment_returns DROP CONSTRAINT payment_returns_kind_check;
ALTER TABLE payment_returns ADD CONSTRAINT payment_returns_kind_check
    CHECK (kind IN ('void', 'paid_back', 'taken_back'));

-- What a dispute that was lost, or a refund made elsewhere, left owed of what was bought and used, and was given
-- up. taxes: [{category, rate, tax_nano}], the tax that is owed to the state no more; they come to tax_nano.
CREATE TABLE claim_write_offs (
    write_off_id    text PRIMARY KEY CHECK (write_off_id LIKE 'wroff\_%'),
    organization_id uuid NOT NULL REFERENCES organizations,
    payment_id      text NOT NULL REFERENCES payments,
    amount_nano     bigint NOT NULL CHECK (amount_nano > 0),
    tax_nano        bigint NOT NULL CHECK (tax_nano BETWEEN 0 AND amount_nano),
    taxes           jsonb NOT NULL,
    reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    transaction_id  text NOT NULL,
    written_off_at  timestamptz NOT NULL,
    written_off_by  text NOT NULL CHECK (length(written_off_by) BETWEEN 1 AND 320)
);
CREATE INDEX claim_write_offs_by_payment ON claim_write_offs (payment_id);
CREATE TRIGGER claim_write_offs_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON claim_write_offs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
