"""Desk: the tax service of this process, and its answers for as long as they are good.

What is asked inside a transaction is only what is known here; who finds nothing raises ``TaxUnaskedError``,
and ``asking`` asks once the transaction is over and has everything done again.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

from jeton import clock
from jeton.billing.taxation.errors import TaxServiceAwayError, TaxUnaskedError
from jeton.billing.taxation.words import TaxAnswer, TaxQuestion
from jeton.errors import UpstreamError

ANSWERS_MAX = 10_000
ANSWER_GOOD = timedelta(minutes=10)
# So long a page says that the service is away, before it is asked again.
PROBLEM_GOOD = timedelta(seconds=15)
# An organization of a purchase, or the documents of one period, and what comes in while they are asked for.
ROUNDS_MAX = 8

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_Made = TypeVar("_Made")


class TaxService(Protocol):
    """Somebody else who decides on tax; never asked in a transaction."""

    async def ask(self, question: TaxQuestion) -> TaxAnswer:
        """The answer; TaxServiceAwayError, TaxAnswerError."""
        ...


class TaxDesk:
    """Asks the service, and remembers what it said."""

    def __init__(self, service: TaxService) -> None:
        """Nothing was asked yet."""
        self._service = service
        self._answers: OrderedDict[str, tuple[datetime, TaxAnswer | UpstreamError]] = OrderedDict()

    async def ask(self, question: TaxQuestion) -> TaxAnswer:
        """The answer, asked for if it is not known; TaxServiceAwayError, TaxAnswerError."""
        known = self.find(question)
        if known is not None:
            return known
        try:
            answer = await self._service.ask(question)
        except UpstreamError as problem:
            self._keep(question, PROBLEM_GOOD, problem)
            raise
        self._keep(question, ANSWER_GOOD, answer)
        return answer

    def get(self, question: TaxQuestion, *, is_binding: bool) -> TaxAnswer | UpstreamError:
        """What is known: the answer, or for what is only shown why there is none; TaxUnaskedError."""
        known = self._find(question)
        if known is None or (is_binding and not isinstance(known, TaxAnswer)):
            raise TaxUnaskedError(partial(self.ask, question), is_binding=is_binding)
        return known

    def find(self, question: TaxQuestion) -> TaxAnswer | None:
        """The answer, if it is known."""
        known = self._find(question)
        return known if isinstance(known, TaxAnswer) else None

    def _find(self, question: TaxQuestion) -> TaxAnswer | UpstreamError | None:
        until, known = self._answers.get(question.question_id, (_LONG_AGO, None))
        return known if clock.now() < until else None

    def _keep(self, question: TaxQuestion, good: timedelta, known: TaxAnswer | UpstreamError) -> None:
        self._answers[question.question_id] = (clock.now() + good, known)
        self._answers.move_to_end(question.question_id)
        while len(self._answers) > ANSWERS_MAX:
            self._answers.popitem(last=False)


async def asking(act: Callable[[], Awaitable[_Made]]) -> _Made:
    """Do something that may need tax, asking for what it finds unknown between its attempts.

    ``act`` opens its own transaction and leaves nothing when it raises. What is only shown goes on without an
    answer; what is issued or sold raises TaxServiceAwayError, TaxAnswerError.
    """
    for _ in range(ROUNDS_MAX):
        try:
            return await act()
        except TaxUnaskedError as unasked:
            try:
                await unasked.ask()
            except UpstreamError:
                if unasked.is_binding:
                    raise
    raise TaxServiceAwayError("What is billed changes faster than it answers.")
