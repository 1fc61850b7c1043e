-- Charges whose usage is not known are few, and asked for by month before it is closed: without this, every
-- charge there ever was is read for it.
CREATE INDEX charges_unknown ON charges (held_at) WHERE state IN ('quarantined', 'unconfirmed');
