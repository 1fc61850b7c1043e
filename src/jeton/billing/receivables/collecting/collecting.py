"""Collecting: the job that sees to it that what is due is paid, or that somebody is told."""

from collections.abc import Mapping
from datetime import datetime

from jeton.billing.receivables.credit import put_all_credit
from jeton.billing.receivables.dunning.following import follow_debts
from jeton.billing.receivables.dunning.words import DunningTerms
from jeton.db.pool import Pool


async def collect(pool: Pool, terms: DunningTerms, at: datetime) -> Mapping[str, int]:
    """Put credit on what is due, and only then take the steps of dunning; how many of each."""
    put = await put_all_credit(pool, at)
    return {"applied": put["applied"], **await follow_debts(pool, terms, at)}
