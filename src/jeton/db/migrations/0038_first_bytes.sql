-- First bytes: how long streams waited for the first byte of their answer, for figures that an operator may
-- show to everybody. Not money: sums may miss what a node that died had not written yet.

-- Streams by UTC day, model and step of the time from their hold to their first byte: the step's upper limit,
-- 0 for what took longer than every limit.
CREATE TABLE first_byte_rollups (
    day_on          date NOT NULL,
    model           text NOT NULL,
    first_byte_limit_ms bigint NOT NULL CHECK (first_byte_limit_ms >= 0),
    streams         bigint NOT NULL CHECK (streams > 0),
    PRIMARY KEY (day_on, model, first_byte_limit_ms)
) WITH (fillfactor = 50);
