"""Errors of proposed prices.

InvalidInputError
└── PriceProposalRefusedError    a file that cannot be added to the book, or a text that cannot be kept
NotPermittedError
└── SecondPersonError            whoever proposed cannot approve
NotFoundError
└── PriceProposalNotFoundError   no such proposal
ConflictError
└── PriceProposalDecidedError    it is decided already
"""

from collections.abc import Sequence

from jeton.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError

MISTAKES_SHOWN = 20


class PriceProposalRefusedError(InvalidInputError):
    """A file that cannot be added to the book, or a text that cannot be kept."""

    code = "price_proposal_refused"

    def __init__(self, mistakes: Sequence[str]) -> None:
        """Name every mistake, as far as there is room."""
        more = len(mistakes) - MISTAKES_SHOWN
        rest = f" And {more} more." if more > 0 else ""
        super().__init__(f"{' '.join(mistakes[:MISTAKES_SHOWN])}{rest}")


class SecondPersonError(NotPermittedError):
    """Whoever proposed cannot approve."""

    code = "second_person_needed"

    def __init__(self, proposed_by: str) -> None:
        """Name who proposed."""
        super().__init__(f"{proposed_by} proposed it, so another operator has to approve it.")


class PriceProposalNotFoundError(NotFoundError):
    """No such proposal."""

    code = "price_proposal_unknown"

    def __init__(self, proposal_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no proposed price {ascii(proposal_id[:100])[1:-1]}.")


class PriceProposalDecidedError(ConflictError):
    """It is decided already."""

    code = "price_proposal_decided"

    def __init__(self, proposal_id: str, state: str) -> None:
        """Name the id and what was decided."""
        super().__init__(f"{proposal_id} is {state} already.")
