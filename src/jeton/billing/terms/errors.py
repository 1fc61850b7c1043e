"""What is refused of terms.

InvalidInputError
└── TermsRequestError   terms that make no sense, or begin or end too early
ConflictError
└── TermsOverlapError   terms for the same model are in force in a part of that time
NotFoundError
└── TermsNotFoundError  no terms with this id
"""

from jeton.errors import ConflictError, InvalidInputError, NotFoundError
from jeton.pricing.terms import Terms


class TermsRequestError(InvalidInputError):
    """Terms that cannot be agreed on, or ended, like this."""

    code = "invalid_terms"


class TermsOverlapError(ConflictError):
    """Two agreements for the same would apply at one instant."""

    code = "terms_overlap"

    def __init__(self, new: str, known: Terms) -> None:
        """Name both."""
        until = f" up to {known.effective_to.isoformat()}" if known.effective_to else ""
        super().__init__(
            f"{new} overlaps {known.terms_id}, which is for {known.scope} from"
            f" {known.effective_from.isoformat()}{until}; end that one first, or begin when it is over."
        )


class TermsNotFoundError(NotFoundError):
    """No terms with this id."""

    code = "terms_unknown"

    def __init__(self, terms_id: str) -> None:
        """Name them."""
        super().__init__(f"There are no terms {terms_id} here; see `jeton terms list`.")
