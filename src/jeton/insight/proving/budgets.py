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
# Of every end user: each one's windows, and that they are all of it.
_EACH = """
    SELECT b.budget_id, w.end_user, w.starts_at, w.held_nano, w.settled_nano,
           coalesce(sum(x.held), 0)::bigint, coalesce(sum(x.settled), 0)::bigint
    FROM budgets AS b JOIN each_windows AS w USING (budget_id) LEFT JOIN (
        SELECT h.organization_id, h.end_user, h.taken_at AS at, h.amount_nano AS held, 0 AS settled
        FROM holds AS h WHERE h.key_id <> '' AND h.end_user <> ''
        UNION ALL
        SELECT c.organization_id, c.end_user, c.held_at, 0, c.net_nano - coalesce(r.amount_nano, 0)
        FROM charges AS c LEFT JOIN reversals AS r USING (request_id) WHERE c.end_user <> ''
    ) AS x ON x.organization_id = b.organization_id AND x.end_user = w.end_user AND x.at >= w.starts_at
        AND (w.ends_at IS NULL OR x.at < w.ends_at)
    WHERE b.ended_at IS NULL AND (w.ends_at IS NULL OR w.ends_at > b.counted_from)
    GROUP BY b.budget_id, w.end_user, w.starts_at, w.held_nano, w.settled_nano
"""
_EACH_SUMS = """
    SELECT b.budget_id, w.held_nano, w.settled_nano, e.held_nano, e.settled_nano FROM budgets AS b,
    LATERAL (SELECT coalesce(sum(held_nano), 0)::bigint AS held_nano,
                    coalesce(sum(settled_nano), 0)::bigint AS settled_nano
             FROM budget_windows WHERE budget_id = b.budget_id) AS w,
    LATERAL (SELECT coalesce(sum(held_nano), 0)::bigint AS held_nano,
                    coalesce(sum(settled_nano), 0)::bigint AS settled_nano
             FROM each_windows WHERE budget_id = b.budget_id
             AND (ends_at IS NULL OR ends_at > b.counted_from)) AS e
    WHERE b.ended_at IS NULL AND b.scope = 'end_user' AND b.scope_id = '*'
"""
_IS_OF = (
    "is_counted(b.scope, b.scope_id, {0}.workspace_id, {0}.key_id, {0}.model, {0}.end_user, {0}.tag, {1})"
)
_OF = {"of_hold": _IS_OF.format("h", "h.taken_at"), "of_charge": _IS_OF.format("c", "c.held_at")}


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
    await _verify_each(connection, proof)
    async for budget_id, starts_at, following in read_rows(connection, "overlaps", _OVERLAPS):
        proof.find(
            f"Budget {budget_id}: the window from {starts_at.isoformat()} lasts until after "
            f"{following.isoformat()}, when the next one begins."
        )


async def _verify_each(connection: Connection, proof: Proof) -> None:
    """Every end user's window of the budgets of all, and that their sums are those of all together."""
    async for budget_id, end_user, starts_at, held, settled, true_held, true_settled in read_rows(
        connection, "each_windows", _EACH
    ):
        proof.budget_windows += 1
        if (held, settled) != (true_held, true_settled):
            proof.find(
                f"Budget {budget_id}, end user {end_user!a}, window from {starts_at.isoformat()}: held is"
                f" {render_usd(held)} and settled {render_usd(settled)}; its holds sum to"
                f" {render_usd(true_held)} and its charges to {render_usd(true_settled)} dollars."
            )
    async for budget_id, held, settled, each_held, each_settled in read_rows(
        connection, "each_sums", _EACH_SUMS
    ):
        if (held, settled) != (each_held, each_settled):
            proof.find(
                f"Budget {budget_id}: its end users hold {render_usd(each_held)} and settled"
                f" {render_usd(each_settled)} dollars, and all together {render_usd(held)} and"
                f" {render_usd(settled)}."
            )
