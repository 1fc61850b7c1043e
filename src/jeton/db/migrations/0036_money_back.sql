-- Money back: refunds that were made in the provider's own pages, and auto-reload that a dispute switched off.

-- What such a refund gave beyond what was left of the lot is owed, as with a dispute: used_nano is the credit
-- that it stands for, owed_minor and owed_nano the money with its tax.
ALTER TABLE refunds
    ADD COLUMN used_nano  bigint NOT NULL DEFAULT 0 CHECK (used_nano >= 0),
    ADD COLUMN owed_minor bigint NOT NULL DEFAULT 0 CHECK (owed_minor >= 0),
    ADD COLUMN owed_nano  bigint NOT NULL DEFAULT 0 CHECK (owed_nano >= 0),
    DROP CONSTRAINT refunds_check,
    ADD CONSTRAINT refunds_parts_sum
        CHECK (amount_minor = net_minor + tax_minor + owed_minor AND amount_minor > 0);

ALTER TABLE reload_rules DROP CONSTRAINT reload_rules_off_reason_check,
    ADD CONSTRAINT reload_rules_off_reason_check CHECK (off_reason IN (
        '', 'switched_off', 'no_card', 'hard_decline', 'authentication_required', 'failures', 'disputed'));

-- A payment that another file of the bank, in another format, told before: it counts once.
ALTER TABLE bank_lines ADD COLUMN same_as text UNIQUE REFERENCES bank_lines,
    ADD CHECK (same_as IS NULL OR state = 'ignored');
CREATE INDEX bank_lines_by_amount ON bank_lines (currency, amount_minor, booked_on);
-- Lines that name no document are proposed by their payer.
CREATE INDEX documents_open_of_buyers ON documents (lower(buyer ->> 'name')) WHERE state IN ('issued', 'overdue');

-- What is taken back of a commit is read from the journal where it was sold for another amount than its face.
CREATE INDEX transactions_adjusted ON transactions (organization_id) WHERE movement = 'adjust';
-- Statements read a stretch of the journal, which grows in the order of time; this is a few pages, and an insert
-- does not touch it.
CREATE INDEX transactions_by_time ON transactions USING brin (posted_at);
