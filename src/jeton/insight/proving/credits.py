"""Credits by hand against the postings: cost bases, reversals, revoked lots, clocks, credit limits."""

from collections import defaultdict

from jeton.db.pool import Connection
from jeton.insight.proving.proof import Proof, read_rows
from jeton.money import divide_half_even, render_usd

# What was earned of (or paid back for) each lot that somebody pays for.
_EARNED = """
    SELECT l.lot_id, l.granted_nano, l.cost_basis_nano, l.used_nano + l.expired_nano + l.refunded_nano,
           coalesce(posted.nano, 0)
    FROM lots l LEFT JOIN (
        SELECT p.lot_id, -sum(p.amount_nano) AS nano
        FROM transactions t, unnest(t.accounts, t.lots, t.amounts) AS p (account, lot_id, amount_nano)
        WHERE p.account IN ('revenue', 'breakage', 'cash', 'receivable') AND p.lot_id <> '' GROUP BY 1
    ) AS posted USING (lot_id)
    WHERE l.kind IN ('commit', 'paid')
"""
_REVERSALS = """
    SELECT r.request_id, r.amount_nano, r.owed_nano, r.draws, c.net_nano, c.draws, t.movement,
           (SELECT sum(p.amount_nano) FROM unnest(t.accounts, t.amounts) AS p (account, amount_nano)
            WHERE p.account IN ('revenue', 'promotion')),
           (SELECT coalesce(sum(p.amount_nano), 0)::bigint
            FROM unnest(t.accounts, t.lots, t.amounts) AS p (account, lot_id, amount_nano)
            JOIN lots AS l USING (lot_id)
            WHERE p.account = 'promotion' AND l.kind IN ('free', 'promotional')),
           free_part(r.draws),
           (SELECT coalesce(sum(p.amount_nano), 0)::bigint
            FROM unnest(t.accounts, t.lots, t.amounts) AS p (account, lot_id, amount_nano)
            WHERE p.account = 'revenue' AND p.lot_id = '')
    FROM reversals r LEFT JOIN charges c USING (request_id)
    LEFT JOIN transactions t ON t.transaction_id = r.transaction_id
"""
_SUMS = """
    SELECT organization_id, quarter_at, model, coalesce(counted, 0), coalesce(reversed, 0),
           coalesce(free_counted, 0), coalesce(free_reversed, 0),
           coalesce(on_credit_counted, 0), coalesce(on_credit_reversed, 0)
    FROM (
        SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed,
               context_window, reversed_nano AS counted, free_credit_nano AS free_counted,
               on_credit_nano AS on_credit_counted
        FROM reversal_rollups
    ) AS kept FULL JOIN (
        SELECT organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo, speed,
               context_window, sum(amount_nano) AS reversed, sum(free_credit_nano) AS free_reversed,
               sum(on_credit_nano) AS on_credit_reversed
        FROM counted_reversals GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
    ) AS single USING (organization_id, quarter_at, workspace_id, key_id, model, service_tier, inference_geo,
                       speed, context_window)
    WHERE counted IS DISTINCT FROM reversed OR free_counted IS DISTINCT FROM free_reversed
       OR on_credit_counted IS DISTINCT FROM on_credit_reversed
"""
_LONELY_NOTES = """
    SELECT transaction_id FROM transactions t WHERE movement = 'credit_note' AND request_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM reversals r WHERE r.transaction_id = t.transaction_id)
"""
_REVOKED = "SELECT lot_id, left_nano FROM lots WHERE revoked_at IS NOT NULL AND left_nano > 0"
_CLOCKS = """
    SELECT l.lot_id FROM lots l LEFT JOIN (
        SELECT lots[1] AS lot_id, min(posted_at) AS started_at FROM transactions
        WHERE movement = 'adjust' AND amounts = ARRAY[0]::bigint[] GROUP BY 1
    ) AS clocks USING (lot_id)
    WHERE l.first_use_days IS NOT NULL
      AND l.expires_at IS DISTINCT FROM clocks.started_at + make_interval(hours => 24 * l.first_use_days)
"""
_LIMITS = """
    SELECT b.organization_id FROM balances b JOIN organizations o USING (organization_id)
    WHERE (o.kind = 'invoiced') <> (b.credit_limit_nano > 0)
"""
_ACCRUED = """
    SELECT organization_id, sum(nano) FROM (
        SELECT organization_id, sum((d ->> 1)::bigint) AS nano
        FROM holds, jsonb_array_elements(draws) AS d WHERE d ->> 0 = '' GROUP BY 1
        UNION ALL
        SELECT organization_id, sum((d ->> 1)::bigint)
        FROM charges, jsonb_array_elements(draws) AS d WHERE d ->> 0 = '' GROUP BY 1
        UNION ALL
        SELECT organization_id, -sum((d ->> 1)::bigint)
        FROM reversals, jsonb_array_elements(draws) AS d WHERE d ->> 0 = '' GROUP BY 1
        UNION ALL
        SELECT organization_id, sum(amount_nano) FROM supplemented_charges GROUP BY 1
        UNION ALL
        SELECT organization_id, sum(p.amount_nano)
        FROM transactions t, unnest(t.accounts, t.amounts) AS p (account, amount_nano)
        WHERE p.account = 'accrued' AND t.movement IN ('invoice_issue', 'credit_note', 'write_off')
          AND t.request_id IS NULL GROUP BY 1
        UNION ALL
        SELECT organization_id, -accrued_nano FROM balances
    ) AS parts GROUP BY 1 HAVING sum(nano) <> 0
"""


async def verify_credits(connection: Connection, proof: Proof) -> None:
    """Every lot is earned at its cost basis, every reversal stands on a charge, every limit on its kind."""
    async for lot_id, granted, basis, gone, earned in read_rows(connection, "earned", _EARNED):
        expected = divide_half_even(gone * basis, granted)
        if earned != expected:
            proof.find(
                f"Lot {lot_id}: {render_usd(int(earned))} dollars of its cost basis are booked, and what is "
                f"gone of it comes to {render_usd(expected)}."
            )
    await _verify_reversals(connection, proof)
    async for lot_id, left in read_rows(connection, "revoked", _REVOKED):
        proof.find(f"Lot {lot_id} was revoked and has {render_usd(left)} dollars left.")
    async for (lot_id,) in read_rows(connection, "clocks", _CLOCKS):
        proof.find(f"Lot {lot_id} does not expire when its first use says.")
    async for (organization_id,) in read_rows(connection, "limits", _LIMITS):
        proof.find(f"Organization {organization_id} has a credit limit that does not fit its kind.")
    async for organization_id, nano in read_rows(connection, "accrued", _ACCRUED):
        proof.find(
            f"Organization {organization_id}: what was used and is held on credit differs from its accrued "
            f"account by {render_usd(int(nano))} dollars."
        )


async def _verify_reversals(connection: Connection, proof: Proof) -> None:
    async for row in read_rows(connection, "reversals", _REVERSALS):
        request_id, amount, owed, draws, net, paid, movement, posted, free_posted, free_drawn, on_credit = row
        if net is None or movement != "credit_note":
            proof.find(f"The reversal of {request_id} has no charge or no credit note.")
            continue
        went_back = sum(nano for _, nano in draws) + owed
        if not amount == went_back == posted or amount > net:
            proof.find(
                f"The reversal of {request_id} is {render_usd(amount)} dollars, {render_usd(went_back)} went "
                f"back and {render_usd(int(posted))} were posted, of a charge of {render_usd(net)}."
            )
        if free_posted != free_drawn:
            proof.find(
                f"The reversal of {request_id} gave {render_usd(free_posted)} dollars of free credit back by "
                f"its credit note, and {render_usd(free_drawn)} by its lots."
            )
        from_credit = owed + sum(nano for lot_id, nano in draws if not lot_id)
        if on_credit != from_credit:
            proof.find(
                f"The reversal of {request_id} took {render_usd(on_credit)} dollars off what is on credit by "
                f"its credit note, and {render_usd(from_credit)} by its draws."
            )
        if not _is_within(draws, paid):
            proof.find(f"The reversal of {request_id} gave a lot more than the charge took from it.")
    async for (transaction_id,) in read_rows(connection, "lonely_notes", _LONELY_NOTES):
        proof.find(f"The credit note {transaction_id} belongs to no reversal.")
    async for of_quarter in read_rows(connection, "reversal_sums", _SUMS):
        organization_id, quarter_at, model, *sums = of_quarter
        counted, undone, free, free_undone, on_credit, on_credit_undone = (render_usd(int(s)) for s in sums)
        proof.find(
            f"Organization {organization_id}, {quarter_at}, {model}: {counted} dollars are counted as"
            f" reversed, and the reversals sum to {undone}; of them free credit {free} and {free_undone},"
            f" on credit {on_credit} and {on_credit_undone}."
        )


def _is_within(undone: list[tuple[str, int]], paid: list[tuple[str, int]]) -> bool:
    """Whether no lot got back more than it paid."""
    left: dict[str, int] = defaultdict(int)
    for lot_id, nano in paid:
        left[lot_id] += nano
    for lot_id, nano in undone:
        left[lot_id] -= nano
    return min(left.values(), default=0) >= 0
