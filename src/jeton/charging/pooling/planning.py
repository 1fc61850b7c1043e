"""Planning: which lots the pools of a batch draw on, all of them or none."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from jeton.charging.batching.members import Pool
from jeton.errors import InsufficientCreditError
from jeton.ledger.book import Book
from jeton.ledger.lots import Draw, draw
from jeton.ledger.transaction import NO_LOT
from jeton.money import display_usd

Plan = list[tuple[Draw, ...]]


def plan_pools(book: Book, pools: Sequence[Pool], at: datetime) -> Plan | InsufficientCreditError:
    """The draws of each pool, in order; changes nothing. Lots that are for some models pay for those only."""
    lots = [replace(lot) for lot in book.lots]
    by_id = {lot.lot_id: lot for lot in lots}
    credit_nano = book.credit_nano if book.credit_limit_nano else 0
    plan: Plan = []
    for pool in pools:
        draws = draw(lots, pool.amount_nano, model=pool.model, at=at)
        for drawn in draws:
            by_id[drawn.lot_id].left_nano -= drawn.amount_nano
        missing_nano = pool.amount_nano - sum(drawn.amount_nano for drawn in draws)
        on_credit_nano = min(missing_nano, credit_nano)
        if on_credit_nano > 0:
            credit_nano -= on_credit_nano
            draws = (*draws, Draw(NO_LOT, on_credit_nano))
        plan.append(draws)
    needed_nano = sum(pool.amount_nano for pool in pools)
    available_nano = sum(drawn.amount_nano for draws in plan for drawn in draws)
    if available_nano < needed_nano:
        return InsufficientCreditError(
            needed_nano,
            available_nano,
            sentence=f"This batch may cost up to {display_usd(needed_nano)} at batch prices and "
            f"{display_usd(available_nano)} is available for it; add credit, lower max_tokens, or send "
            "fewer requests.",
        )
    return plan
