"""What is refused of the inbox.

InvalidInputError
└── ItemTextError         a text of an item, or of an answer, that cannot be
NotFoundError
└── ItemNotFoundError     no item with this id
ConflictError
├── ItemDecidedError      somebody has decided on it
└── NoReplyError          an answer that could not get to anybody
"""

from jeton.errors import ConflictError, InvalidInputError, NotFoundError


class ItemTextError(InvalidInputError):
    """A text of an item that cannot be."""

    code = "invalid_inbox_text"

    def __init__(self, name: str, chars_max: int) -> None:
        """Name the text and its limit."""
        super().__init__(f"The {name} must have 1 to {chars_max} characters that can be printed.")


class ItemNotFoundError(NotFoundError):
    """No item of the inbox with this id."""

    code = "inbox_item_unknown"

    def __init__(self, item_id: str) -> None:
        """Name the item."""
        super().__init__(f"There is no item {item_id} in the inbox; see `jeton inbox list`.")


class ItemDecidedError(ConflictError):
    """An item of the inbox on which somebody has decided."""

    code = "inbox_item_decided"

    def __init__(self, item_id: str, state: str, *, by: str) -> None:
        """Name who decided, and how."""
        super().__init__(f"The item {item_id} was {state} by {by} already.")


class NoReplyError(ConflictError):
    """An answer that could not get to anybody."""

    code = "inbox_no_reply"

    def __init__(self, item_id: str, problem: str) -> None:
        """Name the item and why not."""
        super().__init__(f"The item {item_id} cannot be answered by mail: {problem}.")
