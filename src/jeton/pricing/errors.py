"""Errors of pricing: what cannot be priced, and why.

InvalidInputError
├── NotPricedError          the version has no price for what is asked
├── FastBatchError          fast mode and batch exclude each other
└── PriceContentError       a stored price version does not read back
"""

from jeton.errors import InvalidInputError


class NotPricedError(InvalidInputError):
    """The price version has no price for what is asked: it is refused, never free (P8)."""

    code = "not_priced"

    def __init__(self, price_version_id: str, asked: str, *, remedy: str) -> None:
        """Name the version and what it has no price for."""
        super().__init__(f"{price_version_id} has no price for {asked}; {remedy}.")
        self.price_version_id = price_version_id


class FastBatchError(InvalidInputError):
    """Fast mode is never available in a batch (published rule)."""

    code = "fast_batch"

    def __init__(self) -> None:
        """Say which of the two to leave out."""
        super().__init__("Fast mode is not available in a batch; leave out one of the two.")


class PriceContentError(InvalidInputError):
    """A stored price version that does not read back."""

    code = "invalid_price_content"

    def __init__(self, problem: str) -> None:
        """Name what is wrong."""
        super().__init__(f"The stored price version cannot be read: {problem}.")
