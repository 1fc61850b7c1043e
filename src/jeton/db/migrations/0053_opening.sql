-- The key under which an operator opened an organization: the same again finds it and opens no second one.
ALTER TABLE organizations ADD COLUMN opening_key text UNIQUE CHECK (length(opening_key) BETWEEN 1 AND 200);
