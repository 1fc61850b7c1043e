"""Vouchers: credit that was sold without tax and paid for a month of requests, straight into PostgreSQL.

Each organization has as many lots as any other, each sold by a payment of its own, and its requests draw from
them by turns: so every document has a line for every lot, and what each paid is asked of the charges.
"""

from datetime import datetime

from jeton.db.pool import Connection

LOT_NANO = 10**13
LOT_CENTS = 10**6

_LOTS = """
    INSERT INTO lots (lot_id, organization_id, kind, granted_nano, left_nano, cost_basis_nano, effective_at,
                      granted_at, reason)
    SELECT 'lot_' || md5(o.organization_id::text || '-' || n), o.organization_id, 'paid', %(nano)s, %(nano)s,
           %(nano)s, %(from)s, %(from)s, 'bench'
    FROM organizations AS o CROSS JOIN generate_series(0, %(lots)s - 1) AS n
    WHERE o.name LIKE 'Organization %%'
"""
_PAYMENTS = """
    INSERT INTO payments (payment_id, organization_id, purpose, subject_id, attempt, provider,
                          idempotency_key, is_off_session, currency, net_minor, amount_minor, net_nano, state,
                          lot_id, started_by, started_at, updated_at, settled_at, tax_point)
    SELECT 'pay_' || substr(lot_id, 5), organization_id, 'purchase', 'purch_' || substr(lot_id, 5), 1,
           'bench', lot_id, false, 'USD', %(cents)s, %(cents)s, %(nano)s, 'succeeded',
           lot_id, 'bench', %(from)s, %(from)s, %(from)s, 'use'
    FROM lots WHERE reason = 'bench'
"""
_VOUCHERS = """
    INSERT INTO vouchers (lot_id, organization_id, payment_id, sold_at, evidence)
    SELECT lot_id, organization_id, 'pay_' || substr(lot_id, 5), %(from)s, '{}'
    FROM lots WHERE reason = 'bench'
"""
_CHARGES = """
    INSERT INTO charges (request_id, organization_id, workspace_id, key_id, model, upstream, state, rule_id,
                         price_version_id, is_rehearsal, held_nano, list_nano, net_nano, overrun_nano, lines,
                         draws, hold_transaction_id, transaction_id, held_at, ended_at)
    SELECT 'req_' || lpad(to_hex((extract(epoch FROM p.at) * 1000)::bigint), 12, '0')
               || md5(p.n::text)::char(20),
           p.organization_id, 'wrkspc_' || left(md5(p.organization_id::text), 20) || p.workspace,
           'apikey_' || md5('k' || p.key), k.model, 'embedded', 'settled', 'completed', k.model, false, 0,
           (k.of_one ->> 'list_nano')::bigint, (k.of_one ->> 'net_nano')::bigint, 0, '[]',
           jsonb_build_array(jsonb_build_array(
               'lot_' || md5(p.organization_id::text || '-' || (p.n / 10) %% %(lots)s),
               (k.of_one ->> 'net_nano')::bigint)),
           'txn_h' || p.n, 'txn_s' || p.n, p.at, p.at
    FROM past AS p JOIN kinds AS k USING (kind)
"""
_USED = """
    UPDATE lots AS l SET used_nano = d.nano, left_nano = granted_nano - d.nano
    FROM (
        SELECT draws -> 0 ->> 0 AS lot_id, sum(net_nano)::bigint AS nano FROM charges GROUP BY 1
    ) AS d WHERE d.lot_id = l.lot_id
"""
_BALANCES = """
    UPDATE balances AS b SET cash_nano = s.granted, credit_paid_nano = -s.unused, revenue_nano = -s.used
    FROM (
        SELECT organization_id, sum(granted_nano)::bigint AS granted, sum(left_nano)::bigint AS unused,
               sum(used_nano)::bigint AS used
        FROM lots WHERE reason = 'bench' GROUP BY 1
    ) AS s WHERE b.organization_id = s.organization_id
"""


async def sell(connection: Connection, *, lots: int, at: datetime) -> None:
    """Give every organization so many lots, each with its payment."""
    values = {"lots": lots, "nano": LOT_NANO, "cents": LOT_CENTS, "from": at}
    for statement in (_LOTS, _PAYMENTS, _VOUCHERS):
        await connection.execute(statement, values)


async def charge(connection: Connection, *, lots: int) -> None:
    """Charge the requests of the temporary table ``past`` to the lots."""
    await connection.execute(_CHARGES, {"lots": lots})


async def sum_up(connection: Connection) -> None:
    """Have lots and balances say what the charges drew."""
    await connection.execute(_USED)
    await connection.execute(_BALANCES)
