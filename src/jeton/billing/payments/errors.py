"""What is refused of payments.

InvalidInputError
├── PaymentAmountError       an amount that is not taken here
└── RefundTooLargeError      more than is left of the lot that was bought
NotFoundError
├── PaymentNotFoundError
├── CardNotFoundError
└── NoCardError              nothing is saved that could be charged
ConflictError
├── PaymentOpenError         an attempt at the same thing is under way, or has succeeded
└── NotRefundableError       a payment that has nothing to give back
"""

from jeton.errors import ConflictError, InvalidInputError, NotFoundError


class PaymentAmountError(InvalidInputError):
    """An amount that is not taken here."""

    code = "payment_amount_invalid"


class RefundTooLargeError(InvalidInputError):
    """More than is left of what was bought."""

    code = "refund_too_large"

    def __init__(self, asked: str, left: str) -> None:
        """Name both numbers, in dollars of credit."""
        super().__init__(f"{asked} dollars of credit cannot be refunded: {left} dollars are left unused.")


class PaymentNotFoundError(NotFoundError):
    """No such payment."""

    code = "payment_unknown"

    def __init__(self, payment_id: str) -> None:
        """Name it."""
        super().__init__(f"There is no payment {payment_id}.")


class CardNotFoundError(NotFoundError):
    """No such card of this organization."""

    code = "payment_method_unknown"

    def __init__(self, payment_method_id: str) -> None:
        """Name it."""
        super().__init__(f"There is no saved card {payment_method_id}.")


class NoCardError(NotFoundError):
    """Nothing is saved that could be charged."""

    code = "payment_method_missing"

    def __init__(self) -> None:
        """Say what helps."""
        super().__init__("No card is saved: save one, or buy credit on the provider's page.")


class PaymentOpenError(ConflictError):
    """Another attempt at the same thing is under way, or has succeeded."""

    code = "payment_open"

    def __init__(self, payment_id: str, state: str) -> None:
        """Name the attempt."""
        super().__init__(f"The payment {payment_id} for this is {state} already, so none was started.")


class NotRefundableError(ConflictError):
    """A payment that has nothing to give back."""

    code = "payment_not_refundable"

    def __init__(self, payment_id: str, problem: str) -> None:
        """Say why."""
        super().__init__(f"The payment {payment_id} cannot be refunded: {problem}")
