-- Refusals: requests that were sent back before anything was held, by the UTC hour. Not money: sums may
-- miss what a node that died had not written yet.
CREATE TABLE refusal_rollups (
    organization_id uuid NOT NULL,
    hour_at         timestamptz NOT NULL,
    workspace_id    text NOT NULL,
    model           text NOT NULL,
    error_code      text NOT NULL,
    requests        bigint NOT NULL CHECK (requests > 0),
    PRIMARY KEY (organization_id, hour_at, workspace_id, model, error_code)
) WITH (fillfactor = 50);
