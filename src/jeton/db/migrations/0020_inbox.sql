-- The inbox takes items of every kind, not only what is written to sales; and answers to them.

-- The kinds are the program's; '' stands for what nobody said (an unanswered question has no e-mail).
ALTER TABLE inbox_items
    DROP CONSTRAINT inbox_items_kind_check,
    DROP CONSTRAINT inbox_items_email_check,
    DROP CONSTRAINT inbox_items_name_check,
    DROP CONSTRAINT inbox_items_state_check,
    ADD CONSTRAINT inbox_items_kind_check CHECK (kind ~ '^[a-z]+(_[a-z]+)*$' AND length(kind) <= 50),
    ADD CONSTRAINT inbox_items_email_check CHECK (length(email) <= 320),
    ADD CONSTRAINT inbox_items_name_check CHECK (length(name) <= 200),
    ADD CONSTRAINT inbox_items_state_check CHECK (state IN ('open', 'done', 'approved', 'declined')),
    -- What it is about, in a line: a page of the docs, a topic, a receipt.
    ADD COLUMN subject text NOT NULL DEFAULT '' CHECK (length(subject) <= 200),
    ADD COLUMN details jsonb NOT NULL DEFAULT '{}',
    -- The same again while the first is open counts up; '' is never the same.
    ADD COLUMN dedup_key text NOT NULL DEFAULT '' CHECK (length(dedup_key) <= 200),
    ADD COLUMN times bigint NOT NULL DEFAULT 1 CHECK (times > 0),
    ADD COLUMN last_at timestamptz;
CREATE UNIQUE INDEX inbox_items_one_open ON inbox_items (kind, dedup_key) WHERE state = 'open' AND dedup_key <> '';
CREATE INDEX inbox_items_by_kind ON inbox_items (kind, item_id);

CREATE TABLE inbox_replies (
    reply_id        text PRIMARY KEY CHECK (reply_id LIKE 'reply\_%'),
    item_id         text NOT NULL REFERENCES inbox_items,
    text            text NOT NULL CHECK (length(text) BETWEEN 1 AND 4000),
    event_id        text NOT NULL REFERENCES events,
    replied_at      timestamptz NOT NULL,
    replied_by      text NOT NULL CHECK (length(replied_by) BETWEEN 1 AND 320)
);
CREATE INDEX inbox_replies_by_item ON inbox_replies (item_id, reply_id);
CREATE TRIGGER inbox_replies_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON inbox_replies
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
