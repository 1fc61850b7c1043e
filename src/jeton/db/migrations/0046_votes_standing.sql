-- How a signed-in reader's organization stood when they voted: classes and no amounts, no name and no id. The
-- voter is a digest, so nobody is told by it. NULL for agents, for visitors, and for votes before this.
ALTER TABLE page_votes ADD COLUMN standing jsonb CHECK (standing IS NULL OR jsonb_typeof(standing) = 'object');
