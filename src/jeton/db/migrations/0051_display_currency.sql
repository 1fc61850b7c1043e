-- In which currency an organization's pages of usage and cost are shown where nobody chose another one: "" is
-- dollars. It changes no amount: the ledger, what is charged and every document stay as they are.
ALTER TABLE billing_profiles ADD COLUMN display_currency text NOT NULL DEFAULT ''
    CHECK (display_currency ~ '^([A-Z]{3})?$');
