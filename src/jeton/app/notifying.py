"""Notifying: the notifier as the settings want it, for whichever process runs it."""

from functools import partial

from jeton.app.billing.paper import make_look
from jeton.app.demo import find_demo_operator
from jeton.billing.paper.mailing import PaperClip
from jeton.db.pool import Pool
from jeton.notifications.addresses import AddressRules
from jeton.notifications.alerts import Thresholds, make_finders
from jeton.notifications.mail import Mailer, SmtpServer
from jeton.notifications.notifier import Notifier, NotifierTerms
from jeton.notifications.webhook import WebhookClient
from jeton.settings import Settings


def make_address_rules(settings: Settings) -> AddressRules:
    """Where webhooks may go."""
    return AddressRules(allows_private=settings.webhook_private_networks)


def make_notifier(settings: Settings, pool: Pool) -> Notifier:
    """A notifier on a pool; without a mail server it sends webhooks only."""
    thresholds = Thresholds(settings.expiry_warning_days, settings.low_balance_nano)
    return Notifier(
        pool,
        WebhookClient(make_address_rules(settings)),
        mailer=make_mailer(settings, pool),
        finders=make_finders(thresholds),
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
