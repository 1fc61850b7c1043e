-- Which documents wait for the schemas: a flag and an index of those alone, so that looking for them every few
-- minutes costs the same however many were ever issued. e_invoices keeps what was found.
ALTER TABLE documents ADD COLUMN is_judged boolean NOT NULL DEFAULT false;
CREATE INDEX documents_unjudged ON documents (document_id) WHERE NOT is_judged;

-- As in 0030; and it is noted once that the schemas were asked, which is never taken back.
CREATE OR REPLACE FUNCTION changing_columns() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY['state', 'paid_minor', 'credited_minor', 'written_off_minor', 'paid_at', 'overdue_at', 'voided_at',
                 'is_judged']
$$;
UPDATE documents SET is_judged = true WHERE document_id IN (SELECT document_id FROM e_invoices);
