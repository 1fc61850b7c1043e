"""Writer: what puts answers of Ask Docs into words. The site knows none; the composition root gives one."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from jeton.errors import OverloadedError


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a writer is given: orders ("" for none), the sources as texts, and the question."""

    orders: str
    sources: tuple[str, ...]
    question: str


class WriterError(OverloadedError):
    """No answer could be written: no credit left in the budget, or no model that answers."""

    code = "writer_unavailable"


class Writer(Protocol):
    """Writes answers, piece by piece."""

    @property
    def is_extractive(self) -> bool:
        """Whether it only quotes the sources, and cites none of them by its number."""
        ...

    def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        """The answer's text as it comes; WriterError. Closing the generator stops the model."""
        ...
