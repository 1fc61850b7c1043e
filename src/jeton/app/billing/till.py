"""Till: what takes payments in this process, as the settings want it."""

from datetime import datetime

from jeton.billing.payments.till import PaymentTerms, Till
from jeton.billing.payments.words import Dispute, Hooks
from jeton.billing.providers.opening import ProviderDoor, StripeAccess
from jeton.billing.receipting import with_receipts
from jeton.billing.receivables.collecting.cards import book_card_payment
from jeton.billing.receivables.collecting.following import follow_dispute, follow_refund
from jeton.billing.reloads.disputing import lock_rule, switch_off_disputed
from jeton.billing.reloads.ending import record_failure, record_success
from jeton.billing.taxing import make_tax_of
from jeton.db.pool import Connection, Pool
from jeton.settings import Settings, invoicing_rules, render_base_url


def make_till(settings: Settings, pool: Pool) -> Till:
    """What takes payments; the provider is not spoken to, and its package not imported, before one is."""
    return Till(
        pool=pool,
        door=ProviderDoor(_make_access(settings)),
        terms=PaymentTerms(
            min_cents=settings.credit_min_cents,
            max_cents=settings.credit_max_cents,
            credit_days=settings.credit_days,
            given_percent=settings.credit_given_percent,
            label=f"{settings.brand_name}: credit",
        ),
        tax_of=make_tax_of(invoicing_rules(settings)),
        hooks=with_receipts(make_hooks(), invoicing_rules(settings)),
        base_url=settings.public_url or render_base_url(settings.host, settings.port),
    )


def make_hooks() -> Hooks:
    """Who is told of payments in the transaction that books their end."""
    return Hooks(
        settled={"reload": record_success, "document": book_card_payment},
        failed={"reload": record_failure},
        refunded=follow_refund,
        disputed=_follow_dispute,
        locked_first=lock_rule,
    )


async def _follow_dispute(connection: Connection, dispute: Dispute, at: datetime) -> None:
    """A document's money goes with it, and nothing is bought by itself any more."""
    await follow_dispute(connection, dispute, at)
    await switch_off_disputed(connection, dispute, at)


def _make_access(settings: Settings) -> StripeAccess | None:
    if not settings.stripe_secret_key:
        return None
    return StripeAccess(
        settings.stripe_secret_key,
        settings.stripe_webhook_secret,
        settings.stripe_url,
        settings.stripe_timeout_s,
    )
