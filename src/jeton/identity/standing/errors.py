"""What is refused of, or because of, an organization's standing.

NotPermittedError
├── OrganizationSuspendedError   a request of an organization that is suspended
└── PaymentOverdueError          a request of an organization that has not paid
InvalidInputError
└── SuspensionReasonError        a suspension without a reason that can be shown
ConflictError
├── SuspendedAlreadyError        it is suspended
└── NotSuspendedError            it is not
"""

from datetime import datetime
from uuid import UUID

from jeton.errors import ConflictError, InvalidInputError, NotPermittedError


class OrganizationSuspendedError(NotPermittedError):
    """A request of an organization that the operator has suspended."""

    code = "organization_suspended"

    def __init__(self, suspended_at: datetime) -> None:
        """Say since when, and that nothing was charged; the reason is for its members, in the Console."""
        super().__init__(
            f"Your organization has been suspended since {suspended_at.isoformat(timespec='seconds')}, so new"
            " requests are refused; nothing was held or charged. Ask the operator; the Console says why."
        )


class PaymentOverdueError(NotPermittedError):
    """A request of an organization that was stopped because a document is not paid.

    The sentence names the document, what is due on it and how to pay; whoever stopped it has written it.
    """

    code = "payment_overdue"


class SuspensionReasonError(InvalidInputError):
    """A suspension without a reason that can be shown."""

    code = "invalid_suspension"

    def __init__(self, chars_max: int) -> None:
        """Name the limit."""
        super().__init__(f"A suspension needs a reason of 1 to {chars_max} printable characters.")


class SuspendedAlreadyError(ConflictError):
    """The organization is suspended already."""

    code = "already_suspended"

    def __init__(self, organization_id: UUID) -> None:
        """Name it."""
        super().__init__(f"The organization {organization_id} is suspended already.")


class NotSuspendedError(ConflictError):
    """The organization is not suspended."""

    code = "not_suspended"

    def __init__(self, organization_id: UUID) -> None:
        """Name it."""
        super().__init__(f"The organization {organization_id} is not suspended.")
