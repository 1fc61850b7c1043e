"""Classes: usage and cost of one class of tokens alone.

A class has tokens and what was charged for them. It has no requests, for a request has tokens of several; no
list amount and no savings, which are kept of all classes together; and no reversals, which are of whole
requests. None of these is zero, so a report leaves them out. What all classes were charged, and the web
searches, sum to the charged amount.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from jeton.db.pool import Connection
from jeton.insight.explore.minutes import explore_minutes
from jeton.insight.explore.question import Cell, Question, Report
from jeton.insight.explore.reading import explore
from jeton.insight.explore.sums import Sums

# Which sum has what was charged for the tokens of a class.
AMOUNTS: Mapping[str, str] = MappingProxyType(
    {
        "input_tokens": "input_nano",
        "cache_creation_5m_input_tokens": "cache_creation_5m_nano",
        "cache_creation_1h_input_tokens": "cache_creation_1h_nano",
        "cache_read_input_tokens": "cache_read_nano",
        "output_tokens": "output_nano",
    }
)
_CHARGED = ("charged_amount", "charged_nano", "currency")
# What a report of a class can be ordered and drawn by, beside its tokens: its charged amount.
CLASS_MEASURES = frozenset({"net_nano", "tokens"})


async def explore_class(connection: Connection, question: Question, *, token_class: str) -> Report:
    """The tokens of one class and what was charged for them; InvalidStepError."""
    amount = AMOUNTS[token_class]
    ranked = replace(question, measure=amount if question.measure == "net_nano" else token_class)
    columns: tuple[str, ...]
    if question.step == "1m":
        report, columns = await explore_minutes(connection, ranked), (token_class,)
    else:
        report = await explore(connection, ranked, only=frozenset({token_class, amount}))
        columns = (token_class, *_CHARGED)
    cells = tuple(
        Cell(cell.bucket, cell.group, sums)
        for cell in report.cells
        if not (sums := _narrow(cell.sums, token_class)).is_empty
    )
    return Report(
        question,
        report.as_of,
        report.buckets,
        cells,
        columns=columns,
        narrowed_to={"token_class": token_class},
    )


def _narrow(sums: Sums, token_class: str) -> Sums:
    tokens, charged_nano = getattr(sums, token_class), getattr(sums, AMOUNTS[token_class])
    return Sums(**{token_class: tokens, "charged_nano": charged_nano})
