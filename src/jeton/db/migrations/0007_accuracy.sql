-- What an operator watches: how far token counts made here were off, and what needs somebody's eyes.
-- Not money: sums may miss what a node that died had not written yet.

-- Sums by UTC day over every node. A row compares counts of one kind of prompt, made in one way, with
-- the provider's; method 'bounded' is the bound that sizes holds, compared for every settled request.
-- Relative errors are parts per million of the provider's count, positive where ours was higher.
CREATE TABLE accuracy_rollups (
    day_on          date NOT NULL,
    model           text NOT NULL,
    kind            text NOT NULL,
    method          text NOT NULL CHECK (method IN ('exact', 'reconstructed', 'estimated', 'bounded')),
    observations    bigint NOT NULL CHECK (observations > 0),
    counted_tokens  bigint NOT NULL CHECK (counted_tokens >= 0),
    reported_tokens bigint NOT NULL CHECK (reported_tokens >= 0),
    error_ppm       bigint NOT NULL,
    absolute_error_ppm bigint NOT NULL CHECK (absolute_error_ppm >= abs(error_ppm)),
    worst_under_ppm bigint NOT NULL CHECK (worst_under_ppm <= 0),
    worst_over_ppm  bigint NOT NULL CHECK (worst_over_ppm >= 0),
    outside         bigint NOT NULL CHECK (outside BETWEEN 0 AND observations),
    PRIMARY KEY (day_on, model, kind, method)
) WITH (fillfactor = 50);

-- One open alarm a code and subject: what happens again before somebody acknowledged it adds to times.
CREATE TABLE alarms (
    alarm_id        text PRIMARY KEY CHECK (alarm_id LIKE 'alarm\_%'),
    code            text NOT NULL CHECK (code IN ('bound_exceeded', 'tokenizer_demoted')),
    subject         text NOT NULL,
    details         jsonb NOT NULL,
    times           bigint NOT NULL CHECK (times > 0),
    occurred_at     timestamptz NOT NULL,
    last_occurred_at timestamptz NOT NULL CHECK (last_occurred_at >= occurred_at),
    acknowledged_at timestamptz,
    acknowledged_by text,
    CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL))
);
CREATE UNIQUE INDEX alarms_one_open ON alarms (code, subject) WHERE acknowledged_at IS NULL;
CREATE INDEX alarms_by_time ON alarms (occurred_at DESC);
