"""Errors of re-rating.

InvalidInputError
└── ReratingRefusedError    a time, a price, a reason, an organization that cannot be; nothing to change
NotPermittedError
└── ReratingPersonError     whoever proposed cannot approve
NotFoundError
├── ReratingNotFoundError   no such re-rating
└── SupplementNotFoundError      no such supplement of it
ConflictError
└── ReratingStateError      decided already, or not approved, or other charges than those of the dry run
"""

from jeton.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError


class ReratingRefusedError(InvalidInputError):
    """A time, a price, a reason or an organization that cannot be, or nothing that would change."""

    code = "rerating_refused"


class ReratingPersonError(NotPermittedError):
    """Whoever proposed cannot approve."""

    code = "rerating_second_person_needed"

    def __init__(self, proposed_by: str) -> None:
        """Name who proposed."""
        super().__init__(f"{proposed_by} proposed it, so another operator has to approve it.")


class ReratingNotFoundError(NotFoundError):
    """No such re-rating."""

    code = "rerating_unknown"

    def __init__(self, rerating_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no re-rating {ascii(rerating_id[:100])[1:-1]}.")


class SupplementNotFoundError(NotFoundError):
    """No such supplement of that re-rating."""

    code = "rerating_supplement_unknown"

    def __init__(self, supplement_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no supplement {ascii(supplement_id[:100])[1:-1]} of that re-rating.")


class ReratingStateError(ConflictError):
    """It is decided already, or not approved, or the charges are not those of the dry run."""

    code = "rerating_not_so"
