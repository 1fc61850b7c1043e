"""What is refused of a switch.

InvalidInputError
└── SwitchRequestError       a limit, net days or a reason that cannot be
ConflictError
├── ProfileIncompleteError   nobody could be invoiced with what is known of the organization
└── AccruedLeftError         what was used on credit is not invoiced yet
"""

from collections.abc import Sequence

from jeton.errors import ConflictError, InvalidInputError
from jeton.money import display_usd


class SwitchRequestError(InvalidInputError):
    """A switch that cannot be made like this."""

    code = "invalid_switch"


class ProfileIncompleteError(ConflictError):
    """No invoice could be addressed to the organization."""

    code = "profile_incomplete"

    def __init__(self, missing: Sequence[str]) -> None:
        """Name what is missing."""
        super().__init__(
            f"The billing profile has no {', '.join(missing)}: enter it first, then invoices can be sent."
        )


class AccruedLeftError(ConflictError):
    """There is something to invoice before the organization pays ahead again."""

    code = "accrued_left"

    def __init__(self, accrued_nano: int) -> None:
        """Say how much."""
        super().__init__(
            f"{display_usd(accrued_nano)} was used or is held on credit and is not invoiced yet: close the"
            " period first, or have the last document issued at once."
        )
