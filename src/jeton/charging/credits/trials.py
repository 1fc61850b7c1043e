"""Trials: what the grant policy gives a new organization, once, and to how many of one mail domain."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from jeton import clock
from jeton.charging.credits.granting import TRIAL_REASON, Grant, grant
from jeton.charging.credits.mail_domains import find_subject
from jeton.db.pool import Connection
from jeton.identity.audit import SYSTEM, record_audit
from jeton.ledger.chart import LotKind

TrialClock = Literal["signup", "first_call"]

# Two sign-ups of one domain take turns, so that they cannot both be the last that fits.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_COUNT = "SELECT count(*) FROM trial_claims WHERE subject = %s AND claimed_at > %s"
_CLAIM = """
    INSERT INTO trial_claims (organization_id, subject, lot_id, claimed_at) VALUES (%s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class TrialTerms:
    """The grant policy: an amount (nano; 0 for none) for so many days from sign-up or the first call.

    ``models`` None is every model. At most ``per_domain_max`` trials in ``per_domain_days`` go to one
    mail domain (0: no limit); of ``public_domains``, and of those known to be everybody's, to one address.
    """

    amount_nano: int
    days: int
    models: frozenset[str] | None = None
    clock: TrialClock = "signup"
    per_domain_max: int = 0
    per_domain_days: int = 365
    public_domains: frozenset[str] = frozenset()


async def grant_trial(
    connection: Connection, organization_id: UUID, terms: TrialTerms, *, email: str = ""
) -> str | None:
    """Grant a new organization its trial in the caller's transaction; return the lot's id.

    None where the policy gives none: no amount, or too many to this mail domain, which is recorded.
    Without an e-mail (an organization that the operator makes) there is no limit.
    """
    if not terms.amount_nano:
        return None
    at = clock.now()
    subject = find_subject(email, terms.public_domains) if email else ""
    if subject and terms.per_domain_max:
        await connection.execute(_LOCK, (f"trial {subject}",))
        since = at - timedelta(days=terms.per_domain_days)
        row = await (await connection.execute(_COUNT, (subject, since))).fetchone()
        if row is not None and row[0] >= terms.per_domain_max:
            details = {"mail_subject": subject, "trials": row[0], "in_days": terms.per_domain_days}
            await record_audit(
                connection,
                SYSTEM,
                "trial.withheld",
                subject=str(organization_id),
                organization_id=organization_id,
                details=details,
            )
            return None
    given = Grant(
        LotKind.FREE,
        terms.amount_nano,
        TRIAL_REASON,
        models=terms.models,
        days=terms.days,
        is_clock_on_use=terms.clock == "first_call",
        is_trial=True,
    )
    lot_id = await grant(connection, organization_id, given, at=at)
    await connection.execute(_CLAIM, (organization_id, subject, lot_id, at))
    return lot_id
