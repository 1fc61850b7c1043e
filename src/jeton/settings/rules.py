"""Rules: what the use cases of billing are told of the settings, and where people reach us."""

from jeton.billing.invoicing.words import NO_REMITTANCE, NumberFormats, Rules
from jeton.billing.providers.tax.hook import TaxHook
from jeton.billing.receivables.dunning.words import DunningTerms
from jeton.billing.receivables.statements.comma_separated import CsvTerms
from jeton.billing.taxation.desk import TaxDesk
from jeton.billing.words import Party, Remittance
from jeton.settings.declarations import Settings


def invoicing_rules(settings: Settings) -> Rules:
    """The rules by which documents are made."""
    return Rules(
        seller=Party(
            name=settings.seller_name or settings.brand_name,
            street=settings.seller_street,
            city=settings.seller_city,
            postal_code=settings.seller_postal_code,
            country=settings.seller_country,
            vat_number=settings.seller_vat_number,
            registration=settings.seller_registration,
            email=settings.seller_email or settings.support_email,
        ),
        remittance=_remittance(settings),
        tax_point=settings.tax_point,
        tax_rates=settings.tax_rates,
        numbers=NumberFormats(settings.invoice_number, settings.receipt_number, settings.credit_note_number),
        net_days=settings.invoice_net_days,
        grace_days=settings.invoice_grace_days,
        lookback_days=settings.invoice_lookback_days,
        currency=settings.invoice_currency,
        zero_receipts=settings.zero_receipts,
        note=settings.invoice_note,
        tax_desk=_tax_desk(settings),
    )


def dunning_terms(settings: Settings) -> DunningTerms:
    """The schedule of what is done when a document is not paid."""
    return DunningTerms(
        mail_days=settings.dunning_mail_days,
        soft_limit_days=settings.dunning_soft_limit_days,
        stop_days=settings.dunning_stop_days,
        card_days=settings.dunning_card_days,
    )


def csv_terms(settings: Settings) -> CsvTerms:
    """How the bank writes its statements."""
    return CsvTerms(
        columns=dict(settings.bank_csv_columns),
        currency=settings.invoice_currency,
        decimal_mark=settings.bank_csv_decimal_mark,
        date_order=settings.bank_csv_dates,
    )


def _tax_desk(settings: Settings) -> TaxDesk | None:
    if not settings.tax_service_url:
        return None
    timeout_s = settings.tax_service_timeout_s
    return TaxDesk(TaxHook(settings.tax_service_url, settings.tax_service_secret, timeout_s=timeout_s))


def _remittance(settings: Settings) -> Remittance:
    if not (settings.bank_iban or settings.bank_account_number):
        return NO_REMITTANCE
    return Remittance(
        account_holder=settings.bank_account_holder or settings.seller_name,
        bank_name=settings.bank_name,
        iban=settings.bank_iban,
        bic=settings.bank_bic,
        account_number=settings.bank_account_number,
    )


def render_base_url(host: str, port: int) -> str:
    """The address as a client on this machine writes it."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - read, not bound
    return f"http://{shown}:{port}"
