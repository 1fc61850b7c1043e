"""Interface: what every engine can do, and the text that all of them are given."""

import importlib
from types import ModuleType
from typing import Literal, Protocol


class Engine(Protocol):
    """Counts the tokens of a text alone, without the frame of the message that carries it."""

    @property
    def family_id(self) -> str:
        """The family that it counts for."""
        ...

    @property
    def method(self) -> Literal["exact", "reconstructed"]:
        """``exact`` for the provider's own vocabulary, ``reconstructed`` for one found by probing."""
        ...

    def count_text(self, text: str) -> int | None:
        """Tokens of ``text``; None where that would take more time or memory than is bearable."""
        ...


def encodable(text: str) -> str:
    """``text`` as UTF-8 can carry it: each lone surrogate becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def find_module(name: str) -> ModuleType | None:
    """An optional package, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None
