-- Vouchers: credit that is sold without tax, because its tax is due when it is used; and up to where in its
-- organization's books a document goes.

-- What of a payment's tax was decided when it was quoted, whatever the settings say when the money comes.
ALTER TABLE payments ADD COLUMN tax_point text NOT NULL DEFAULT 'purchase' CHECK (tax_point IN ('purchase', 'use'));

-- A lot that was sold without tax, once, with what stood at its sale: who sold to whom, from where to where, and
-- which tax its use would have borne then.
CREATE TABLE vouchers (
    lot_id          text PRIMARY KEY REFERENCES lots,
    organization_id uuid NOT NULL REFERENCES organizations,
    payment_id      text NOT NULL UNIQUE REFERENCES payments,
    sold_at         timestamptz NOT NULL,
    evidence        jsonb NOT NULL
);
CREATE INDEX vouchers_by_organization ON vouchers (organization_id);
CREATE TRIGGER vouchers_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON vouchers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- How many entries the organization's books had when the usage on a document was read: what has a higher number
-- in its chain came too late for it. NULL: issued before it was written down, or about no usage.
ALTER TABLE documents ADD COLUMN booked_sequence bigint CHECK (booked_sequence >= 0);
