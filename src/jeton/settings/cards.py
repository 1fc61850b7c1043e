"""Cards: the settings of the payment provider and of credit that is sold, a part of ``Settings``."""

from dataclasses import dataclass

from jeton.money import parse_usd
from jeton.settings.declaring import declare_setting
from jeton.settings.documents import DocumentSettings
from jeton.settings.parsers import parse_amount, parse_public_url, parse_text, whole

# Never an option: a command line is visible to every user of the machine.
SECRETS = frozenset({"stripe_secret_key", "stripe_webhook_secret", "operator_api_keys", "tax_service_secret"})
_CENT_NANO = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSettings(DocumentSettings):
    """What an operator chooses of cards; the fields are the declarations."""

    stripe_secret_key: str = declare_setting(
        "", parse_text, "The secret key of your Stripe account; without it no card is taken.", is_secret=True
    )
    stripe_webhook_secret: str = declare_setting(
        "",
        parse_text,
        "The secret of the webhook endpoint there, which begins with whsec_; needed with the key.",
        is_secret=True,
    )
    stripe_url: str = declare_setting(
        "", parse_public_url, "Another server that speaks Stripe's API, for tests; Stripe's own without."
    )
    stripe_timeout_s: int = declare_setting(
        30, whole(1, 300), "How long one call to Stripe may take.", unit="seconds"
    )
    credit_min_usd: str = declare_setting(
        "5.00", parse_amount, "The least credit that can be bought at once, before tax.", unit="dollars"
    )
    credit_max_usd: str = declare_setting(
        "5000.00", parse_amount, "The most credit that can be bought at once, before tax.", unit="dollars"
    )
    credit_days: int = declare_setting(
        365, whole(0, 36_500), "How long bought credit is good for; 0: for ever.", unit="days"
    )
    credit_given_percent: int = declare_setting(
        0, whole(0, 100), "How much credit is given on top of what is bought.", unit="percent"
    )

    @property
    def credit_min_cents(self) -> int:
        """The least that can be bought, in cents."""
        return parse_usd(self.credit_min_usd) // _CENT_NANO

    @property
    def credit_max_cents(self) -> int:
        """The most that can be bought, in cents."""
        return parse_usd(self.credit_max_usd) // _CENT_NANO


def list_card_mistakes(settings: CardSettings) -> list[str]:
    """What of these settings contradicts each other, as finished sentences."""
    mistakes = []
    if settings.stripe_secret_key and not settings.stripe_webhook_secret.strip():
        # New-API #4353: an empty secret was accepted, so that anybody could sign.
        mistakes.append(
            "stripe_secret_key is given without stripe_webhook_secret: anybody could forge webhooks. Make an"
            " endpoint for /v1/billing/webhooks/stripe at Stripe and give its secret."
        )
    if settings.tax_service_url and not settings.tax_service_secret:
        mistakes.append(
            "tax_service_url is given without tax_service_secret: nobody could tell our questions from"
            " those of others."
        )
    if settings.stripe_webhook_secret and not settings.stripe_secret_key:
        mistakes.append("stripe_webhook_secret is given without stripe_secret_key: say whose it is.")
    if not 0 < settings.credit_min_cents <= settings.credit_max_cents:
        mistakes.append(
            f"credit_min_usd is {settings.credit_min_usd} and credit_max_usd is {settings.credit_max_usd}:"
            " the least must be a cent or more, and not above the most."
        )
    return mistakes
