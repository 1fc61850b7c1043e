"""Errors of Message Batches.

InvalidInputError
├── InvalidBatchError        the body is not a batch
├── BatchTooLargeError       more bytes than a batch may have
├── DuplicateItemError       a custom_id that was there before
└── ResultsGoneError         results that are not kept any more
NotFoundError
└── UnknownBatchError        no such batch in the caller's workspace
ConflictError
├── BatchNotEndedError       results or deletion before the end
├── NothingToRetryError      no request of it failed that may succeed another time
├── RetriedError             it was retried already
├── QuoteChangedError        a draft that would be held for another amount than its quote
└── DraftBusyError           a draft that is being sent at this moment
NotPermittedError
├── RetryRefusedError        its key, workspace or organization may not send requests any more
└── SenderRefusedError       a key that is not one to send a batch with now
OverloadedError
├── UploadsFullError         so many batches are being received already
└── BatchQueueFullError      so many requests of the organization wait already
"""

from datetime import datetime

from jeton.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
    OverloadedError,
)
from jeton.money import display_usd


class InvalidBatchError(InvalidInputError):
    """The body is not a batch; the sentence names the field."""

    code = "invalid_batch"


class BatchTooLargeError(InvalidInputError):
    """More bytes than a batch, or a request in it, may have."""

    code = "batch_too_large"


class DuplicateItemError(InvalidInputError):
    """A custom_id that another request of the batch has."""

    code = "duplicate_custom_id"

    def __init__(self, custom_id: str, index: int) -> None:
        """Name both."""
        super().__init__(f"requests.{index}.custom_id: {custom_id} is not unique in this batch")


class ResultsGoneError(InvalidInputError):
    """Results that are not kept any more."""

    code = "batch_results_gone"

    def __init__(self, batch_id: str, archived_at: datetime) -> None:
        """Say since when."""
        super().__init__(
            f"The results of {batch_id} were kept for 29 days; they are gone since "
            f"{archived_at:%Y-%m-%d %H:%M} UTC."
        )


class UnknownBatchError(NotFoundError):
    """No such batch in the caller's workspace."""

    code = "batch_unknown"

    def __init__(self, batch_id: str) -> None:
        """Name it."""
        super().__init__(f"There is no batch {batch_id[:100]} in this workspace.")


class BatchNotEndedError(ConflictError):
    """Something that has to wait for the end of the batch."""

    code = "batch_not_ended"

    def __init__(self, batch_id: str, what: str) -> None:
        """Say what it is too early for."""
        super().__init__(
            f"{batch_id} has not ended, so it is too early for {what}: ask for the batch until its "
            "processing_status is ended."
        )


class UploadsFullError(OverloadedError):
    """So many batches are being received already."""

    code = "uploads_full"

    def __init__(self, uploads_max: int) -> None:
        """Name the limit."""
        super().__init__(f"{uploads_max} batches are being received here already: send it again in a moment.")


class BatchQueueFullError(OverloadedError):
    """So many requests of the organization's batches wait already."""

    code = "batch_queue_full"

    def __init__(self, waiting: int, queue_max: int, *, added: int) -> None:
        """Name what waits, what would be added (0 while that is not known), and the limit."""
        wanted = f", and this batch would add {added:,}" if added else ""
        super().__init__(
            f"{waiting:,} requests of your organization's batches wait already{wanted}; at most {queue_max:,}"
            " may. Nothing of this batch was kept: send it again when others have ended."
        )


class NothingToRetryError(ConflictError):
    """No request of a batch failed that may succeed another time."""

    code = "nothing_to_retry"

    def __init__(self, batch_id: str) -> None:
        """Name the batch."""
        super().__init__(f"No request of {batch_id} failed in a way that may succeed another time.")


class RetriedError(ConflictError):
    """A batch that was retried already."""

    code = "batch_retried"

    def __init__(self, batch_id: str, retry_id: str) -> None:
        """Name both batches."""
        super().__init__(f"What failed of {batch_id} was sent again already{retry_id and ', as '}{retry_id}.")


class RetryRefusedError(NotPermittedError):
    """A batch whose key, workspace or organization may not send requests any more."""

    code = "retry_refused"

    def __init__(self, batch_id: str) -> None:
        """Name the batch."""
        super().__init__(
            f"The key that sent {batch_id}, its workspace or your organization may not send requests now, so"
            " nothing of it is sent again."
        )


class QuoteChangedError(ConflictError):
    """A draft that would be held for another amount than was quoted."""

    code = "batch_quote_changed"

    def __init__(self, quoted_nano: int, needed_nano: int) -> None:
        """Name both amounts."""
        super().__init__(
            f"The quote was {display_usd(quoted_nano)}, and now {display_usd(needed_nano)} would be held,"
            " since prices or your terms have changed. Nothing was sent: look at the new quote."
        )


class DraftBusyError(ConflictError):
    """A draft that is being sent at this moment."""

    code = "batch_draft_busy"

    def __init__(self, batch_id: str) -> None:
        """Name the batch that it becomes."""
        super().__init__(
            f"It is being sent at this moment, as {batch_id}: look at your batches. It cannot be sent twice."
        )


class SenderRefusedError(NotPermittedError):
    """A key that is not one to send a batch with now."""

    code = "batch_sender_refused"

    def __init__(self, key_id: str) -> None:
        """Name the key."""
        super().__init__(
            f"No batch can be sent with the key {key_id[:100]} from here: it is not yours, revoked, paused,"
            " expired or restricted to networks, or its workspace or your organization may not send now."
        )
