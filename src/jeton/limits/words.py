"""Words: limits as somebody sets them, what a request counts, and how a limit stands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

LIMIT_MAX = 10**12
# In place of a group: every group that has no limits of its own, each for itself.
EVERY_GROUP = "*"

Kind = Literal["requests", "input_tokens", "output_tokens"]
Scope = Literal["organization", "workspace"]
# What is reserved at the start of a request: what it will probably count, or the most it can.
Reserve = Literal["expected", "most"]

KINDS: tuple[Kind, ...] = ("requests", "input_tokens", "output_tokens")


@dataclass(frozen=True, slots=True)
class Limits:
    """Per minute, each from 1 to ``LIMIT_MAX``; None is no limit."""

    requests: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    @property
    def by_kind(self) -> tuple[tuple[Kind, int | None], ...]:
        """Each kind with its limit, in the order in which they are shown."""
        return (
            ("requests", self.requests),
            ("input_tokens", self.input_tokens),
            ("output_tokens", self.output_tokens),
        )


UNLIMITED = Limits()


class Standing(msgspec.Struct, frozen=True):
    """How a limit stands: what is left of it now, and how long until it is whole again."""

    kind: Kind
    limit: int
    remaining: int
    reset_us: int


class Groups:
    """Which models share their limits: as named, else by their line (opus, sonnet), else each alone."""

    def __init__(self, named: Mapping[str, Iterable[str]] | None = None) -> None:
        """``named``: the models of each group."""
        self._by_model = {model: group for group, models in (named or {}).items() for model in models}

    def find(self, model: str, line: str | None) -> str:
        """The group of a model."""
        return self._by_model.get(model) or line or model
