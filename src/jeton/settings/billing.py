"""Billing: the settings of payments, reloads, documents and dunning."""

from dataclasses import dataclass

from jeton.settings.cards import CardSettings
from jeton.settings.declaring import declare_setting
from jeton.settings.parsers import parse_yes_no, whole

_HOUR_S = 3_600
_DAY_S = 86_400


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
