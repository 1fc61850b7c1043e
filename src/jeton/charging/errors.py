"""What charging refuses."""

from jeton.errors import InvalidInputError


class UnboundedRequestError(InvalidInputError):
    """A request whose cost has no upper bound, so that no hold could cover it (P1)."""

    code = "unbounded_request"

    def __init__(self, searches_max: int) -> None:
        """Say which field gives the bound."""
        super().__init__(
            "tools: a web_search tool without a limit could cost any amount; set its max_uses to a number "
            f"from 0 to {searches_max}."
        )


class GrantError(InvalidInputError):
    """A grant that cannot be made."""

    code = "invalid_grant"
