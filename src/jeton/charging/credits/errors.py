"""What is refused of credits by hand."""

from jeton.errors import ConflictError, InvalidInputError, NotFoundError


class CreditRequestError(InvalidInputError):
    """A change of credit that cannot be made."""

    code = "invalid_credit_request"


class IdempotencyError(ConflictError):
    """An idempotency key that was used for something else."""

    code = "idempotency_key_reused"

    def __init__(self, key: str) -> None:
        """Name the key and what helps."""
        super().__init__(
            f"The idempotency key {key!r} was used for another request, so nothing was done; use a new key."
        )


class LotNotFoundError(NotFoundError):
    """No lot with this id."""

    code = "lot_unknown"

    def __init__(self, lot_id: str) -> None:
        """Name the lot."""
        super().__init__(f"There is no lot {lot_id}; see `jeton credits list`.")


class ChargeNotFoundError(NotFoundError):
    """No charge of this request."""

    code = "charge_unknown"

    def __init__(self, request_id: str) -> None:
        """Name the request."""
        super().__init__(f"There is no charge of a request {request_id}: none was sent, or it is not over.")


class ReversedError(ConflictError):
    """A charge that was reversed before, otherwise."""

    code = "charge_reversed"

    def __init__(self, request_id: str, amount: str) -> None:
        """Name the charge and how much of it was reversed."""
        super().__init__(
            f"{amount} dollars of the charge of {request_id} were reversed already, once and for all."
        )


class SalesRequestError(InvalidInputError):
    """A field of a request to sales that cannot be."""

    code = "invalid_sales_request"

    def __init__(self, name: str, chars_max: int) -> None:
        """Name the field and its limit."""
        super().__init__(f"The {name} must have 1 to {chars_max} characters that can be printed.")
