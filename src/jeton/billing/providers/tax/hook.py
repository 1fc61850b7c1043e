"""Hook: a tax service as one HTTP endpoint of the operator's: a signed question, a JSON answer.

Signed as our webhooks are (Standard Webhooks 1.0.0), under the question's id, which is the same for every
attempt: a service that keeps its answers by ``webhook-id`` gives the same one again.
"""

import asyncio
from datetime import timedelta
from fractions import Fraction

import msgspec

from jeton import clock
from jeton.billing.currencies import parse_minor
from jeton.billing.taxation.errors import TaxAnswerError, TaxServiceAwayError
from jeton.billing.taxation.words import (
    REASON_CHARS_MAX,
    REFERENCE_CHARS_MAX,
    TAXES_MAX,
    AnsweredTax,
    TaxAnswer,
    TaxQuestion,
)
from jeton.billing.words import TaxCategory
from jeton.errors import InvalidInputError, MoneyError, UpstreamError
from jeton.money import parse_exact
from jeton.notifications.standard import sign
from jeton.upstreams.http.single import SingleClient

ATTEMPTS_MAX = 3
PAUSE = timedelta(milliseconds=200)
_OK = range(200, 300)
_PROBLEM_CHARS_MAX = 200


class _Tax(msgspec.Struct, frozen=True):
    category: TaxCategory
    rate: str
    reason: str = ""
    lines: tuple[str, ...] = ()
    tax_amount: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    taxes: tuple[_Tax, ...]
    reference: str = ""


class TaxHook:
    """Asks one address; what is not answered is asked again under the same id, a few times at once."""

    def __init__(self, url: str, secret: str, *, timeout_s: int) -> None:
        """``secret`` is one of Standard Webhooks (``whsec_…``), ``timeout_s`` is for one attempt."""
        self._url, self._secret = url, secret
        self._client = SingleClient(timeout_s=timeout_s)

    async def ask(self, question: TaxQuestion) -> TaxAnswer:
        """The answer; TaxServiceAwayError after ATTEMPTS_MAX, TaxAnswerError."""
        body = msgspec.json.encode({"type": "tax_question", "id": question.question_id,
                                    **msgspec.to_builtins(question)})  # fmt: skip
        problem = ""
        for attempt in range(ATTEMPTS_MAX):
            if attempt:
                await asyncio.sleep((PAUSE * 2**attempt).total_seconds())
            headers = {"content-type": "application/json", "accept": "application/json"}
            headers |= sign([self._secret], question.question_id, at=clock.now(), body=body)
            try:
                status, content = await self._client.fetch("POST", self._url, headers=headers, body=body)
            except UpstreamError as error:
                problem = str(error)
                continue
            if status in _OK:
                return parse_answer(content, question)
            problem = f"It answered with status {status}."
            if status < 500 and status != 429:  # noqa: PLR2004 - what a server may do better next time
                raise TaxAnswerError(f"{problem} {content[:_PROBLEM_CHARS_MAX].decode('utf-8', 'replace')}")
        raise TaxServiceAwayError(problem)


def parse_answer(content: bytes, question: TaxQuestion) -> TaxAnswer:
    """An answer as it is sent; TaxAnswerError names everything that it cannot mean."""
    try:
        said = msgspec.json.decode(content, type=_Answer)
        taxes = tuple(_parse_tax(one, question.currency) for one in said.taxes)
    except (msgspec.DecodeError, UnicodeDecodeError, InvalidInputError, MoneyError) as error:
        raise TaxAnswerError(f"{str(error).rstrip('.')}.") from error
    answer = TaxAnswer(taxes, said.reference)
    problem = _find_problem(answer, {line.id for line in question.lines})
    if problem:
        raise TaxAnswerError(problem)
    return answer


def _parse_tax(said: _Tax, currency: str) -> AnsweredTax:
    rate = Fraction(parse_exact(said.rate))
    tax_minor = None if said.tax_amount is None else parse_minor(said.tax_amount, currency)
    return AnsweredTax(said.category, rate, said.reason, frozenset(said.lines), tax_minor)


def _find_problem(answer: TaxAnswer, line_ids: set[str]) -> str:
    """What of an answer cannot be, "" if nothing is (EN 16931, BR-S, BR-O-11)."""
    named = [name for tax in answer.taxes for name in tax.line_ids]
    rests = sum(not tax.line_ids for tax in answer.taxes)
    if not 0 < len(answer.taxes) <= TAXES_MAX:
        return f"it has {len(answer.taxes)} taxes, not 1 to {TAXES_MAX}."
    if len(answer.reference) > REFERENCE_CHARS_MAX or not answer.reference.isprintable():
        return f"its reference has more than {REFERENCE_CHARS_MAX} printable characters."
    for tax in answer.taxes:
        if not 0 <= tax.rate <= 1:
            return f"a rate is {tax.rate}, not from 0 to 1 (0.19 for 19 %)."
        if (tax.category == "S") != (tax.rate > 0):
            return f"category {tax.category} has a rate of {tax.rate}; only S has one, and always."
        if len(tax.reason) > REASON_CHARS_MAX or not tax.reason.isprintable():
            return f"a reason has more than {REASON_CHARS_MAX} printable characters."
    if len(named) != len(set(named)) or set(named) - line_ids:
        return "it names a line twice, or one that there is not."
    if rests > 1 or (not rests and set(named) != line_ids):
        return "each line needs one tax: name its lines, or leave them out of one tax for all the others."
    if len(answer.taxes) > 1 and any(tax.category == "O" for tax in answer.taxes):
        return "category O is of a whole document."
    return ""
