"""Questions: what was asked of the documentation and not answered, for the operator's inbox."""

from collections.abc import Sequence
from hashlib import sha256

from jeton.db.pool import Connection
from jeton.errors import OverloadedError
from jeton.feedback.errors import QuestionError
from jeton.notifications.inbox.items import WantedItem, open_item

QUESTION_CHARS_MAX = 500
INBOX_KIND = "unanswered_question"


def parse_question(text: str) -> str:
    """A question in one line; QuestionError."""
    question = " ".join(text.split())
    if not 0 < len(question) <= QUESTION_CHARS_MAX or not question.isprintable():
        raise QuestionError(QUESTION_CHARS_MAX)
    return question


async def record_unanswered(connection: Connection, question: str, *, nearest: Sequence[str]) -> None:
    """Keep a question that was not answered, with the addresses of what came nearest."""
    asked_alike = " ".join(question.casefold().rstrip("?!. ").split())
    item = WantedItem(
        INBOX_KIND,
        question,
        subject="Ask Docs",
        details={"nearest": list(nearest)},
        dedup_key=sha256(asked_alike.encode()).hexdigest(),
    )
    try:
        await open_item(connection, item)
    except OverloadedError:
        # A thousand of them wait already; the operator knows enough.
        return
