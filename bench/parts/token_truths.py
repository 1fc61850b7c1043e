"""Token truths: exact counters, where they can be had on this machine."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from jeton.tokens.exact import count_text

# The frames of one user message, which ``ctok`` counts and an estimate of a text does not.
CTOK_FRAMES = {"claude-3": ("3.0", 7), "claude-4.7": ("4.7", 11)}


def load_truths() -> dict[str, Callable[[str], int]]:
    """Counters of text by family."""
    truths: dict[str, Callable[[str], int]] = {"o200k": count_text}
    if find_spec("ctok") is not None:
        count = import_module("ctok").token_count
        for family, (version, frame) in CTOK_FRAMES.items():
            truths[family] = _bind(count, version, frame)
    return truths


def _bind(count: Callable[[str, str], int], version: str, frame: int) -> Callable[[str], int]:
    return lambda text: count(text, version) - frame
