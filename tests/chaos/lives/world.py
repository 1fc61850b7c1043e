"""World: what every random life shares: two models at published prices, and what their answers cost."""

from dataclasses import dataclass
from datetime import UTC, datetime

from jeton.ledger.budgets.errors import Scope
from jeton.metering.labels import Labels
from jeton.pricing.book import PriceVersion
from jeton.pricing.loading import load_book
from jeton.pricing.rating import Conditions, Rating, rate
from jeton.usage import Usage

STARTS_AT = datetime(2026, 11, 1, tzinfo=UTC)
# Nano-dollars a token in and out, as published for 2026-11-01.
PRICES = {"claude-sonnet-5-5": (2_000, 10_000), "claude-haiku-5-5": (100, 500)}

# Whom and what every request is for, and of what a life's budget is: each of them is of every request.
LABELS = Labels("user_1", "tag_1")
SCOPES: tuple[tuple[Scope, str], ...] = (
    ("organization", ""),
    ("workspace", "wrkspc_1"),
    ("key", "apikey_1"),
    ("end_user", LABELS.end_user),
    ("tag", LABELS.tag),
)


@dataclass(frozen=True, slots=True)
class Answered:
    """A usage and its rating; ``net`` was worked out by hand."""

    usage: Usage
    rating: Rating
    net: int


@dataclass(frozen=True, slots=True)
class World:
    """What every player of a process shares: two models and what answers of theirs cost."""

    versions: dict[str, PriceVersion]
    answers: dict[str, list[Answered]]


def open_world() -> World:
    """Price versions and answers from a token to ten thousands."""
    book = load_book()
    versions: dict[str, PriceVersion] = {}
    answers: dict[str, list[Answered]] = {}
    for model, (input_nano, output_nano) in PRICES.items():
        version = book.find_version(model, STARTS_AT)
        assert version is not None
        versions[model] = version
        answers[model] = []
        for tokens in (0, 1, 7, 100, 1_234, 9_999, 30_000):
            usage = Usage(input_tokens=tokens * 3, output_tokens=tokens)
            net = tokens * (3 * input_nano + output_nano)
            answers[model].append(Answered(usage, rate(usage, version, Conditions()), net))
    return World(versions, answers)
