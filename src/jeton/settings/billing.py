"""Billing: the settings of payments, reloads, documents and dunning."""

from dataclasses import dataclass
from typing import Literal

from jeton.billing.receivables.dunning.words import CARD_DAYS, MAIL_DAYS, SOFT_LIMIT_DAYS, STOP_DAYS
from jeton.billing.receivables.statements.comma_separated import NAMES
from jeton.settings.cards import CardSettings
from jeton.settings.declaring import declare_setting
from jeton.settings.parsers import one_of, parse_days, parse_yes_no, whole

_HOUR_S = 3_600
_DAY_S = 86_400


def parse_schedule(text: str) -> tuple[int, ...]:
    """Numbers of days with commas between them, each once, the shortest first; 0 is none."""
    return tuple(sorted(parse_days(text)))


def parse_columns(text: str) -> tuple[tuple[str, str], ...]:
    """Columns of a bank's CSV, as FIELD=NAME with commas between them."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(field.strip() in NAMES and name.strip() for field, _, name in pairs):
        raise ValueError(f"is not a list of FIELD=NAME with ',' between them; fields are {', '.join(NAMES)}")
    return tuple((field.strip(), name.strip()) for field, _, name in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingSettings(CardSettings):
    """What may be chosen of billing; part of ``Settings``."""

    billing_jobs: bool = declare_setting(
        default=True,
        parse=parse_yes_no,
        sentence="Do the jobs of billing in this process; no leaves them to others on the same database.",
    )
    reload_interval_s: int = declare_setting(
        5, whole(1, _HOUR_S), "How often balances are looked at for auto-reload.", unit="seconds"
    )
    reload_failures_max: int = declare_setting(
        4, whole(1, 15), "After so many declines in a row auto-reload goes off, until another card is saved."
    )
    reload_back_off_s: int = declare_setting(
        _HOUR_S,
        whole(60, _DAY_S),
        "How long auto-reload waits after a decline; four times as long after each further one, to 3 days.",
        unit="seconds",
    )
    payment_check_s: int = declare_setting(
        60, whole(5, _DAY_S), "How often payments without an answer are asked about.", unit="seconds"
    )
    payment_compare_s: int = declare_setting(
        _HOUR_S,
        whole(60, _DAY_S),
        "How often everything is compared with the payment provider's own lists.",
        unit="seconds",
    )
    dunning_interval_s: int = declare_setting(
        900,
        whole(60, _DAY_S),
        "How often there is a look for what is overdue, and for credit that pays it.",
        unit="seconds",
    )
    dunning_mail_days: tuple[int, ...] = declare_setting(
        MAIL_DAYS,
        parse_schedule,
        "How long after a document was due its organization is reminded; ',' between several, 0 for never.",
        unit="days",
    )
    dunning_card_days: tuple[int, ...] = declare_setting(
        CARD_DAYS,
        parse_schedule,
        "How long after a document was due its saved card is tried; ',' between several, 0 for never.",
        unit="days",
    )
    dunning_soft_limit_days: int = declare_setting(
        SOFT_LIMIT_DAYS,
        whole(0, 365),
        "How long after a document was due each answer says so and the credit limit is not raised; 0: never.",
        unit="days",
    )
    dunning_stop_days: int = declare_setting(
        STOP_DAYS,
        whole(0, 365),
        "How long after a document was due its organization's new requests are refused; 0: never.",
        unit="days",
    )
    bank_csv_columns: tuple[tuple[str, str], ...] = declare_setting(
        (),
        parse_columns,
        "Names of columns in a bank's CSV, as date=Booked,amount=Sum; ',' between several, else usual ones.",
    )
    bank_csv_decimal_mark: Literal["auto", "point", "comma"] = declare_setting(
        "auto", one_of("auto", "point", "comma"), "How amounts are written there: with a point or a comma."
    )
    bank_csv_dates: Literal["auto", "dmy", "mdy"] = declare_setting(
        "auto", one_of("auto", "dmy", "mdy"), "What comes first in a date such as 03/04/2026 there."
    )
