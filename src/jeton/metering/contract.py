"""The billing contract: how a request can end, and what each end costs (P9).

One table. The code decides by it, every stored charge names its rule, receipts quote it, and the
page of the docs is made from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Rule(StrEnum):
    """The line of the contract that decided a charge. Stored: chosen as if for ever."""

    COMPLETED = "completed"
    CACHE_PREWARMED = "cache_prewarmed"
    CLIENT_LEFT_BEFORE_OUTPUT = "client_left_before_output"
    CLIENT_LEFT_DURING_OUTPUT = "client_left_during_output"
    UPSTREAM_REFUSED = "upstream_refused"
    UPSTREAM_FAILED = "upstream_failed"
    UPSTREAM_FAILED_DURING_OUTPUT = "upstream_failed_during_output"
    TIME_LIMIT_DURING_OUTPUT = "time_limit_during_output"
    REFUSAL_BEFORE_OUTPUT = "refusal_before_output"
    REFUSAL_DURING_OUTPUT = "refusal_during_output"
    USAGE_MISSING = "usage_missing"
    USAGE_CONTRADICTORY = "usage_contradictory"
    NODE_LOST = "node_lost"
    HOLD_UNCONFIRMED = "hold_unconfirmed"


@dataclass(frozen=True, slots=True)
class Clause:
    """When a rule applies and what the organization pays then."""

    when: str
    pays: str

    @property
    def sentence(self) -> str:
        """Both in one sentence, for a receipt."""
        return f"{self.when}: {self.pays}."


CONTRACT: Mapping[Rule, Clause] = MappingProxyType(
    {
        Rule.COMPLETED: Clause(
            "The answer is complete, or the client of an answer in one piece left while it was made",
            "every token that the upstream reports",
        ),
        Rule.CACHE_PREWARMED: Clause(
            "The request asked for no output (max_tokens: 0), to fill the prompt cache",
            "the prompt as the upstream reports it, at the prices of writing to and reading from the cache",
        ),
        Rule.CLIENT_LEFT_BEFORE_OUTPUT: Clause(
            "The client left before the first byte of a streamed answer",
            "nothing; the upstream is cancelled",
        ),
        Rule.CLIENT_LEFT_DURING_OUTPUT: Clause(
            "The client left while the answer was streaming; the upstream is cancelled at once",
            "the prompt and the output made until then",
        ),
        Rule.UPSTREAM_REFUSED: Clause("The upstream refused the request with an error", "nothing"),
        Rule.UPSTREAM_FAILED: Clause(
            "The upstream failed, timed out or could not be reached before an answer began", "nothing"
        ),
        Rule.UPSTREAM_FAILED_DURING_OUTPUT: Clause(
            "The upstream broke off while the answer was streaming, so the request failed", "nothing"
        ),
        Rule.TIME_LIMIT_DURING_OUTPUT: Clause(
            "The answer was still streaming at the time limit of a request",
            "the prompt and the output made until then",
        ),
        Rule.REFUSAL_BEFORE_OUTPUT: Clause(
            "The model refused before any output", "nothing, whatever the usage numbers say"
        ),
        Rule.REFUSAL_DURING_OUTPUT: Clause(
            "The model refused to go on after it had begun to answer",
            "every token that the upstream reports",
        ),
        Rule.USAGE_MISSING: Clause(
            "The upstream answered without reporting usage, which is unknown and not zero",
            "nothing until somebody has looked; the request is shown as quarantined",
        ),
        Rule.USAGE_CONTRADICTORY: Clause(
            "The upstream's token counts contradict each other",
            "nothing until somebody has looked; the request is shown as quarantined",
        ),
        Rule.NODE_LOST: Clause(
            "The server that carried the request died before it could settle",
            "nothing; the hold ends as unconfirmed after its validity",
        ),
        Rule.HOLD_UNCONFIRMED: Clause(
            "The database went away before it confirmed the hold, so no answer was delivered",
            "nothing; what was charged all the same, since the commit had happened, is reversed",
        ),
    }
)
