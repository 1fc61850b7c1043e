"""What can be wrong with the books, or with what is asked of them."""

from jeton.errors import ConflictError, JetonError


class UnbalancedError(JetonError):
    """A transaction whose postings do not sum to zero: a defect, never an input."""

    code = "unbalanced_transaction"

    def __init__(self, movement: str, sum_nano: int) -> None:
        """Name the movement and by how much it is off."""
        super().__init__(f"The postings of this {movement} sum to {sum_nano} nano-dollars, not to 0.")


class HoldEndedError(ConflictError):
    """The hold of this request has ended, so nothing more can be settled against it."""

    code = "hold_ended"

    def __init__(self, request_id: str, state: str) -> None:
        """Name the request and how its hold ended."""
        self.state = state
        super().__init__(f"The hold of {request_id} has already ended ({state}); send the request again.")
