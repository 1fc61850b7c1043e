"""Documents: the settings of documents and tax, a part of ``Settings``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jeton.billing.invoicing.words import (
    GRACE_DAYS,
    LOOKBACK_DAYS,
    NET_DAYS,
    NumberFormats,
    TaxRate,
)
from jeton.billing.paper.look import ACCENT, PaperSize
from jeton.settings.declaring import declare_setting
from jeton.settings.parsers import one_of, parse_text, whole
from jeton.settings.selling import (
    parse_bic,
    parse_colour,
    parse_country,
    parse_currency,
    parse_endpoint,
    parse_folder,
    parse_iban,
    parse_named_secrets,
    parse_number_format,
    parse_signing_secret,
    parse_tax_rates,
    parse_vat_number,
)

_NUMBERS = NumberFormats()


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSettings:
    """What an operator chooses of documents; the fields are the declarations."""

    seller_name: str = declare_setting(
        "", parse_text, "The legal name of whoever sells, on every document; brand_name without it."
    )
    seller_street: str = declare_setting("", parse_text, "The seller's street and number.")
    seller_city: str = declare_setting("", parse_text, "The seller's city.")
    seller_postal_code: str = declare_setting("", parse_text, "The seller's postal code.")
    seller_country: str = declare_setting(
        "",
        parse_country,
        "The seller's country, an ISO 3166-1 code such as DE; without it no tax is charged.",
    )
    seller_vat_number: str = declare_setting(
        "", parse_vat_number, "The seller's VAT number, such as DE136695976."
    )
    seller_registration: str = declare_setting(
        "", parse_text, "The seller's entry in the commercial register, as it stands on documents."
    )
    seller_email: str = declare_setting(
        "", parse_text, "Where buyers write to about a document; support_email without it."
    )
    bank_account_holder: str = declare_setting(
        "", parse_text, "Whose bank account transfers go to; seller_name without it."
    )
    bank_name: str = declare_setting("", parse_text, "The name of that bank.")
    bank_iban: str = declare_setting(
        "", parse_iban, "The IBAN of that account; without an account documents ask for no transfer."
    )
    bank_bic: str = declare_setting("", parse_bic, "The BIC of that bank.")
    bank_account_number: str = declare_setting(
        "", parse_text, "The account for banks without an IBAN, with the routing number."
    )
    tax_point: Literal["purchase", "use"] = declare_setting(
        "purchase",
        one_of("purchase", "use"),
        "When credit that is bought is taxed: at its purchase, or at its use (a multi-purpose voucher).",
    )
    tax_service_url: str = declare_setting(
        "",
        parse_endpoint,
        "A service that says what tax documents and purchases bear, instead of tax_rates; asked by POST.",
    )
    tax_service_secret: str = declare_setting(
        "",
        parse_signing_secret,
        "What its questions are signed with, a secret of Standard Webhooks (whsec_…); needed with it.",
        is_secret=True,
    )
    tax_service_timeout_s: int = declare_setting(
        5, whole(1, 60), "How long one call to it may take.", unit="seconds"
    )
    tax_rates: tuple[TaxRate, ...] = declare_setting(
        (),
        parse_tax_rates,
        "Tax rates in percent by country and first day, as DE=19,FR=20@2014-01-01; ',' between several.",
    )
    invoice_number: str = declare_setting(
        _NUMBERS.invoice,
        parse_number_format,
        "How invoices are numbered; what stands before the number is the series, so a year begins a new one.",
    )
    receipt_number: str = declare_setting(_NUMBERS.receipt, parse_number_format, "How receipts are numbered.")
    credit_note_number: str = declare_setting(
        _NUMBERS.credit_note, parse_number_format, "How credit notes are numbered; a series of their own."
    )
    invoice_net_days: int = declare_setting(
        NET_DAYS,
        whole(0, 365),
        "How long an invoice may wait for its payment, where its profile does not say.",
        unit="days",
    )
    invoice_grace_days: int = declare_setting(
        GRACE_DAYS,
        whole(0, 60),
        "How long after its end a period waits for late usage before it is closed.",
        unit="days",
    )
    invoice_lookback_days: int = declare_setting(
        LOOKBACK_DAYS,
        whole(0, 3_660),
        "How far back a closed period may end whose usage still changes and is billed as an adjustment.",
        unit="days",
    )
    invoice_currency: str = declare_setting(
        "USD", parse_currency, "The currency of documents, where the organization's billing profile has none."
    )
    operator_api_keys: tuple[tuple[str, str], ...] = declare_setting(
        (),
        parse_named_secrets,
        "Keys by which your programs use the operator's paths of the Admin API, as NAME=SECRET, ',' between"
        " several; a secret has 32 characters or more, the name stands in the audit log.",
        is_secret=True,
    )
    zero_receipts: Literal["issue", "omit"] = declare_setting(
        "issue",
        one_of("issue", "omit"),
        "Whether a period that credit paid whole has a receipt over nothing: issue, or omit. None is mailed.",
    )
    document_accent: str = declare_setting(
        ACCENT, parse_colour, "The colour of the name and of marks on documents, as #rrggbb."
    )
    document_paper: PaperSize = declare_setting(  # noqa: RUF009 - a declaration, as dataclasses.field
        "a4", one_of("a4", "us-letter"), "The paper of documents."
    )
    document_fonts: Path | None = declare_setting(  # noqa: RUF009 - as above
        None,
        parse_folder,
        "A folder of fonts (.ttf, .otf, .ttc) for what our own has no characters, such as Chinese.",
    )
    invoice_note: str = declare_setting("", parse_text, "A sentence below the lines of every document.")
