"""What charging refuses."""

from jeton.errors import ConfigurationError, InsufficientCreditError, InvalidInputError, OverloadedError
from jeton.money import display_usd


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


class SpoolFullError(OverloadedError):
    """The local spool is full while the database is away."""

    code = "spool_full"

    def __init__(self, count: int, *, size_bytes: int, bytes_max: int) -> None:
        """Name both numbers."""
        super().__init__(
            f"The database is away and the local spool is full: {count} settlements in {size_bytes} of "
            f"{bytes_max} bytes wait. Bring the database back, or raise spool_bytes_max."
        )


class SpoolDamagedError(ConfigurationError):
    """A line of the spool, which is not the last, cannot be read."""

    code = "spool_damaged"

    def __init__(self, path: str, number: int) -> None:
        """Name the place; nothing of the file was changed."""
        sentence = (
            f"{path}:{number}: this line does not match its checksum. It holds settlements that the "
            "database has not seen: keep the file, move it away, and start again."
        )
        super().__init__([sentence])


def describe_shortage(needed_nano: int, available_nano: int) -> InsufficientCreditError:
    """Why a request is not let in that may cost more than there is."""
    return InsufficientCreditError(
        needed_nano,
        available_nano,
        sentence=f"This request may cost up to {display_usd(needed_nano)} and {display_usd(available_nano)} "
        "is available; add credit, or lower max_tokens or the prompt.",
    )
