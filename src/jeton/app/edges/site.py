"""Site: what the public pages say about this installation, and who reads them."""

import psycopg
from starlette.requests import Request

from jeton import clock
from jeton.app.observing.health import Health
from jeton.app.parts import Parts
from jeton.console.visit import SESSION_COOKIE
from jeton.db.pool import Pool
from jeton.identity.roles.permissions import PERMISSIONS, Permission
from jeton.identity.sessions import find_session
from jeton.settings import Settings
from jeton.site.deps import FindReader, Reader, SiteDeps, Wording

# Stripe says of a key itself whether it moves money.
TEST_KEYS = ("sk_test_", "rk_test_")


def make_site_deps(parts: Parts) -> SiteDeps:
    """The site's deps over the parts of this process."""
    settings = parts.settings
    return SiteDeps(
        book=parts.book,
        brand_name=settings.brand_name,
        base_url=settings.public_url,
        support_email=settings.support_email,
        sales_email=settings.sales_email,
        trial_amount_nano=settings.trial_amount_nano,
        trial_days=settings.trial_days,
        trial_clock=settings.trial_clock,
        trial_models=settings.trial_models,
        pool=parts.pool,
        is_rehearsal=parts.routing.is_rehearsal,
        payment_methods=list_payment_methods(settings),
        wording=_make_wording(settings),
        public_figures=settings.public_figures,
        find_reader=_make_find_reader(parts.pool),
        counter=parts.counter,
        is_well=Health(parts.pool, lambda: parts.commits.is_away).is_well,
        mark=settings.brand_mark.read_bytes() if settings.brand_mark is not None else b"",
        limit_terms=parts.limit_terms,
    )


def list_payment_methods(settings: Settings) -> tuple[str, ...]:
    """What is taken here, as people call it: what the settings name, cards and transfers if set up."""
    methods = [*settings.payment_methods]
    if settings.stripe_secret_key:
        is_test = settings.stripe_secret_key.startswith(TEST_KEYS)
        methods.append("credit cards (in test mode: no money moves)" if is_test else "credit cards")
    if settings.bank_iban or settings.bank_account_number:
        methods.append("bank transfer, for invoices")
    return tuple(dict.fromkeys(methods))


def _make_wording(settings: Settings) -> Wording:
    return Wording(
        tagline=settings.brand_tagline,
        landing_title=settings.landing_title,
        landing_text=settings.landing_text,
        footer_links=settings.footer_links,
        social_links=settings.social_links,
    )


def _make_find_reader(pool: Pool) -> FindReader:
    async def find_reader(request: Request) -> Reader | None:
        """The member whose session the Console's cookie is of; nobody while the database is away."""
        secret = request.cookies.get(SESSION_COOKIE, "")
        if not secret:
            return None
        try:
            async with pool.connection() as connection:
                session = await find_session(connection, secret, at=clock.now())
        except psycopg.OperationalError:
            return None
        if session is None:
            return None
        return Reader(
            session.organization_id,
            session.organization_name,
            session.email,
            session.member_id,
            may_see_billing=Permission.SEE_BILLING in PERMISSIONS[session.role],
        )

    return find_reader
