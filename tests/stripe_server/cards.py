"""Cards: Stripe's published test numbers and what their bank says (docs.stripe.com/testing)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bank:
    """What a card's bank does: declines (with its words), asks a person, or disputes later."""

    brand: str = "visa"
    decline_code: str = ""
    code: str = "card_declined"
    message: str = ""
    asks: str = ""  # "always", or "once": until somebody has answered it
    attaches: bool = True
    disputes: bool = False


BANKS = {
    "4242424242424242": Bank(),
    "5555555555554444": Bank("mastercard"),
    "4000000000000002": Bank(
        decline_code="generic_decline", message="Your card was declined.", attaches=False
    ),
    "4000000000000341": Bank(decline_code="generic_decline", message="Your card was declined."),
    "4000000000009995": Bank(decline_code="insufficient_funds", message="Your card has insufficient funds."),
    "4000000000009987": Bank(decline_code="lost_card", message="Your card was declined."),
    "4000000000009979": Bank(decline_code="stolen_card", message="Your card was declined."),
    "4000000000000069": Bank(
        decline_code="expired_card", code="expired_card", message="Your card has expired."
    ),
    "4000002500003155": Bank(asks="once"),
    "4000002760003184": Bank(asks="always"),
    "4000000000000259": Bank(disputes=True),
}
TOKENS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_createDispute": "4000000000000259",
}
UNKNOWN = Bank(
    code="incorrect_number", decline_code="incorrect_number", message="Your card number is incorrect."
)
