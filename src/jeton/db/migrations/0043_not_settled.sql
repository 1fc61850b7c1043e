-- Requests that ended without a charge are few, and asked for by organization and time: how many there were, in
-- which state, beside what was used. Without this, every charge of the range is read to find them.
CREATE INDEX charges_not_settled ON charges (organization_id, held_at) WHERE state <> 'settled';
