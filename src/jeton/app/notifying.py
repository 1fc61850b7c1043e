"""Notifying: the notifier as the settings want it, for whichever process runs it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from jeton.app.billing.paper import make_look
from jeton.app.demo import find_demo_operator
from jeton.billing.paper.mailing import PaperClip
from jeton.db.pool import Connection, Pool
from jeton.insight.contract.announcing import find_price_changes
from jeton.notifications.addresses import AddressRules
from jeton.notifications.alerts import Thresholds, make_finders, seldom
from jeton.notifications.events import Event
from jeton.notifications.mail import Mailer, SmtpServer
from jeton.notifications.notifier import Notifier, NotifierTerms
from jeton.notifications.webhook import WebhookClient
from jeton.pricing.book import PriceBook
from jeton.settings import Settings

PRICE_CHANGES_EVERY = timedelta(hours=1)


def make_address_rules(settings: Settings) -> AddressRules:
    """Where webhooks may go."""
    return AddressRules(allows_private=settings.webhook_private_networks)


def make_notifier(settings: Settings, pool: Pool, book: PriceBook) -> Notifier:
    """A notifier on a pool, telling of changes of ``book``; without a mail server it sends webhooks."""

    async def find_changes(connection: Connection, at: datetime) -> Sequence[Event]:
        return await find_price_changes(connection, book, at)

    thresholds = Thresholds(settings.expiry_warning_days, settings.low_balance_nano)
    return Notifier(
        pool,
        WebhookClient(make_address_rules(settings)),
        mailer=make_mailer(settings, pool),
        finders=(*make_finders(thresholds), seldom(find_changes, PRICE_CHANGES_EVERY)),
        terms=NotifierTerms(
            interval_s=settings.notify_interval_s,
            disable_days=settings.webhook_disable_days,
            operator_emails=tuple(dict.fromkeys((*settings.operator_emails, *find_demo_operator(settings)))),
            console_url=_find_console(settings),
        ),
    )


def make_mailer(settings: Settings, pool: Pool | None = None) -> Mailer | None:
    """Who mails; nobody without a mail server. With a pool, documents are attached to mails about them."""
    if not settings.smtp_host:
        return None
    server = SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_tls,
        sender=settings.smtp_from,
        user=settings.smtp_user,
        password=settings.smtp_password,
    )
    mailer = partial(Mailer, server, brand_name=settings.brand_name, console_url=_find_console(settings))
    return mailer() if pool is None else mailer(attach=PaperClip(pool, make_look(settings)).attach)


def _find_console(settings: Settings) -> str:
    """The address of the Console, "" where nobody said it."""
    return f"{settings.public_url}/console" if settings.public_url else ""
