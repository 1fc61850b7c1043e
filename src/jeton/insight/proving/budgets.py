"""Budgets against holds, charges and reversals, which are the truth for what their windows have counted."""

from collections import defaultdict

from jeton.db.pool import Connection
from jeton.insight.proving.proof import Proof, read_rows
from jeton.money import render_usd

# A hold of no key is a lease, out of which requests take theirs; only those count.
# A budget that has ended counts nothing more, so only those in force can be recomputed.
_WINDOWS = """
    SELECT b.budget_id, w.starts_at, w.held_nano, w.settled_nano,
           (SELECT coalesce(sum(h.amount_nano), 0)::bigint FROM holds AS h
            WHERE h.organization_id = b.organization_id AND h.key_id <> '' AND h.taken_at >= w.starts_at
              AND h.taken_at < coalesce(w.ends_at, 'infinity') AND {of_hold}),
           (SELECT coalesce(sum(c.net_nano - coalesce(r.amount_nano, 0)), 0)::bigint
            FROM charges AS c LEFT JOIN reversals AS r USING (request_id)
            WHERE c.organization_id = b.organization_id AND c.held_at >= w.starts_at
              AND c.held_at < coalesce(w.ends_at, 'infinity') AND {of_charge})
    FROM budgets AS b JOIN budget_windows AS w USING (budget_id) WHERE b.ended_at IS NULL
"""
_TOTALS = """
    SELECT b.budget_id,
           (SELECT coalesce(sum(h.amount_nano), 0)::bigint FROM holds AS h
            WHERE h.organization_id = b.organization_id AND h.key_id <> ''
              AND h.taken_at >= b.counted_from AND {of_hold}),
           (SELECT coalesce(sum(c.net_nano - coalesce(r.amount_nano, 0)), 0)::bigint
            FROM charges AS c LEFT JOIN reversals AS r USING (request_id)
            WHERE c.organization_id = b.organization_id AND c.held_at >= b.counted_from AND {of_charge})
    FROM budgets AS b WHERE b.ended_at IS NULL
"""
_OVERLAPS = """
    SELECT budget_id, starts_at, following FROM (
        SELECT budget_id, starts_at, coalesce(ends_at, 'infinity') AS ends_at,
               lead(starts_at) OVER (PARTITION BY budget_id ORDER BY starts_at) AS following
        FROM budget_windows
    ) AS w WHERE following < ends_at
"""
_IS_OF = (
    "CASE b.scope WHEN 'organization' THEN true WHEN 'workspace' THEN {0}.workspace_id = b.scope_id"
    " ELSE {0}.key_id = b.scope_id END"
)
_OF = {"of_hold": _IS_OF.format("h"), "of_charge": _IS_OF.format("c")}


async def verify_budgets(connection: Connection, proof: Proof) -> None:
    """Every window against what was held and charged in it; every hold and charge in exactly one."""
    counted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    async for budget_id, starts_at, held, settled, true_held, true_settled in read_rows(
        connection, "budget_windows", _WINDOWS.format(**_OF)
    ):
        proof.budget_windows += 1
        counted[budget_id][0] += true_held
        counted[budget_id][1] += true_settled
        name = f"Budget {budget_id}, window from {starts_at.isoformat()}"
        if held != true_held:
            proof.find(
                f"{name}: held is {render_usd(held)} and its holds sum to {render_usd(true_held)} dollars."
            )
        if settled != true_settled:
            proof.find(
                f"{name}: settled is {render_usd(settled)} and its charges sum to "
                f"{render_usd(true_settled)} dollars."
            )
    async for budget_id, true_held, true_settled in read_rows(connection, "budgets", _TOTALS.format(**_OF)):
        held, settled = counted[budget_id]
        if (held, settled) != (true_held, true_settled):
            proof.find(
                f"Budget {budget_id}: {render_usd(true_held - held)} dollars of holds and "
                f"{render_usd(true_settled - settled)} dollars of charges are in no window."
            )
    async for budget_id, starts_at, following in read_rows(connection, "overlaps", _OVERLAPS):
        proof.find(
            f"Budget {budget_id}: the window from {starts_at.isoformat()} lasts until after "
            f"{following.isoformat()}, when the next one begins."
        )
