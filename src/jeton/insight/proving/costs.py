"""Sums of what requests cost the operator, against the tries that are on record and their charges."""

from jeton.db.pool import Connection
from jeton.insight.proving.proof import Proof, read_rows

# One row for each sum that differs. Where a cost is not known in whole, what is known of it is kept apart.
_DIFFERENCES = """
    SELECT organization_id, day_on, model,
           coalesce(k.requests, 0), coalesce(k.net_nano, 0), coalesce(k.cost_nano, 0),
           coalesce(k.unknown_requests, 0), coalesce(k.unknown_cost_nano, 0),
           coalesce(f.requests, 0), coalesce(f.net_nano, 0), coalesce(f.cost_nano, 0),
           coalesce(f.unknown_requests, 0), coalesce(f.unknown_cost_nano, 0)
    FROM cost_rollups AS k FULL JOIN (
        SELECT organization_id, day_on, model, count(*) FILTER (WHERE is_known) AS requests,
               coalesce(sum(net_nano) FILTER (WHERE is_known), 0) AS net_nano,
               coalesce(sum(cost_nano) FILTER (WHERE is_known), 0) AS cost_nano,
               count(*) FILTER (WHERE NOT is_known) AS unknown_requests,
               coalesce(sum(cost_nano) FILTER (WHERE NOT is_known), 0) AS unknown_cost_nano
        FROM (
            SELECT request_id, bool_and(cost_nano IS NOT NULL) AS is_known,
                   coalesce(sum(cost_nano), 0) AS cost_nano
            FROM upstream_attempts GROUP BY request_id
        ) AS asked
        JOIN (
            SELECT request_id, organization_id, (held_at AT TIME ZONE 'UTC')::date AS day_on, model, net_nano
            FROM charges
        ) AS charged USING (request_id)
        GROUP BY 1, 2, 3
    ) AS f USING (organization_id, day_on, model)
    WHERE k.requests IS DISTINCT FROM f.requests OR k.net_nano IS DISTINCT FROM f.net_nano
       OR k.cost_nano IS DISTINCT FROM f.cost_nano OR k.unknown_requests IS DISTINCT FROM f.unknown_requests
       OR k.unknown_cost_nano IS DISTINCT FROM f.unknown_cost_nano
    ORDER BY 1, 2, 3
"""
_CLASSES = """
    SELECT organization_id, day_on, model, bucket, k.sold, k.net_nano, k.bought, k.cost_nano,
           f.sold, f.net_nano, f.bought, f.cost_nano
    FROM cost_classes AS k FULL JOIN found_cost_classes AS f USING (organization_id, day_on, model, bucket)
    WHERE (k.sold, k.net_nano, k.bought, k.cost_nano)
        IS DISTINCT FROM (f.sold, f.net_nano, f.bought, f.cost_nano)
    ORDER BY 1, 2, 3, 4
"""
_SUMS = ("requests", "net_nano", "cost_nano", "unknown_requests", "unknown_cost_nano")
_CLASS_SUMS = ("sold", "net_nano", "bought", "cost_nano")


async def verify_costs(connection: Connection, proof: Proof) -> None:
    """Every sum of costs by day, model and token class is what the tries of its requests come to."""
    async for row in read_rows(connection, "costs", _DIFFERENCES):
        of, kept, found = row[:3], row[3:8], row[8:]
        for name, stored, expected in zip(_SUMS, kept, found, strict=True):
            if stored != expected:
                proof.find(f"Costs of {of}: {name} is {stored} and the tries come to {expected}.")
    async for row in read_rows(connection, "cost_classes", _CLASSES):
        of, kept, found = row[:4], row[4:8], row[8:]
        for name, stored, expected in zip(_CLASS_SUMS, kept, found, strict=True):
            if (stored or 0) != (expected or 0):
                proof.find(f"Costs of {of}: {name} is {stored or 0} and the lines come to {expected or 0}.")
