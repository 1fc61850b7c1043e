"""Errors of notifications.

InvalidInputError
├── WebhookAddressError        an address that no webhook may be sent to
├── EventTypeError             a type of event that there is none of
├── ReplayRangeError           a time with more events than are sent again at once
└── WebhookTextError           a description that is too long or cannot be printed
NotFoundError
├── UnknownWebhookError        no such endpoint in the organization
└── UnknownEventError          no such event in the organization
ConflictError
├── TooManyWebhooksError       as many endpoints as an organization may have
└── NoWebhookError             a replay that nobody would get
"""

from collections.abc import Iterable

from jeton.errors import ConflictError, InvalidInputError, NotFoundError

_SHOWN_CHARS = 200


class WebhookAddressError(InvalidInputError):
    """An address that no webhook may be sent to."""

    code = "webhook_address_refused"

    def __init__(self, address: str, rule: str) -> None:
        """Name the address and the rule that it breaks."""
        shown = ascii(address)[1:-1]
        shown = shown if len(shown) <= _SHOWN_CHARS else f"{shown[:_SHOWN_CHARS]}…"
        super().__init__(f"No webhook can be sent to {shown}: {rule}.")


class EventTypeError(InvalidInputError):
    """A type of event that there is none of."""

    code = "event_type_unknown"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        """Name those there are."""
        super().__init__(f"There is no event of type {name[:100]!r}; there are {', '.join(known)}.")


class ReplayRangeError(InvalidInputError):
    """A time with more events than are sent again at once."""

    code = "replay_range_too_long"

    def __init__(self, count_max: int) -> None:
        """Name the limit."""
        super().__init__(f"More than {count_max} events happened in that time. Choose a shorter one.")


class WebhookTextError(InvalidInputError):
    """A description that cannot be kept."""

    code = "invalid_description"

    def __init__(self, chars_max: int) -> None:
        """Name the limit."""
        super().__init__(f"A description has at most {chars_max} printable characters.")


class UnknownWebhookError(NotFoundError):
    """No such endpoint, or one of somebody else."""

    code = "webhook_unknown"

    def __init__(self, endpoint_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no webhook {ascii(endpoint_id[:100])[1:-1]} here.")


class UnknownEventError(NotFoundError):
    """No such event, or one of somebody else."""

    code = "event_unknown"

    def __init__(self, event_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no event {ascii(event_id[:100])[1:-1]} here.")


class TooManyWebhooksError(ConflictError):
    """As many endpoints as there may be."""

    code = "too_many_webhooks"

    def __init__(self, count_max: int) -> None:
        """Name the limit."""
        super().__init__(f"There are {count_max} webhooks already, the most there may be: delete one first.")


class NoWebhookError(ConflictError):
    """A replay that nobody would get."""

    code = "no_webhook"

    def __init__(self, events: str) -> None:
        """Name the event or events, and say what to look at."""
        super().__init__(
            f"No enabled webhook takes the events {events}: create or enable one, or change its event types."
        )
