"""Claude: counts rebuilt by the optional package ``ctok`` from answers of the public counting endpoint.

Unofficial. Its authors found no text that it counts too low; it is slow (0.2 MB/s) and newlines
in a row are its worst, so longer texts are left to the estimate.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from jeton.tokens.engines.interface import encodable, find_module

# 50 ms of work for a usual text, 150 ms for the worst.
TEXT_CHARS_MAX = 8_192


@dataclass(frozen=True, slots=True)
class ClaudeEngine:
    """One of the package's versions; ``frame_tokens`` is what it adds for the message around a text."""

    family_id: str
    version: str
    frame_tokens: int
    package: Any = field(repr=False)
    method: Literal["reconstructed"] = "reconstructed"

    def count_text(self, text: str) -> int | None:
        """Tokens of a text that is a message, less the message's frame; None for a long one."""
        if len(text) > TEXT_CHARS_MAX:
            return None
        if not text:
            return 0
        counted: int = self.package.token_count(encodable(text), self.version)
        return max(0, counted - self.frame_tokens)


def claude_engines() -> tuple[ClaudeEngine, ...]:
    """An engine for each of Claude's families; none where ``ctok`` is not installed."""
    package = find_module("ctok")
    if package is None:
        return ()
    return ClaudeEngine("claude-3", "3.0", 7, package), ClaudeEngine("claude-4.7", "4.8", 6, package)


def claude_model_engines() -> dict[str, ClaudeEngine]:
    """Engines of single models, where they differ from their family.

    Opus 4.7 takes one token more than its successors for a message that begins with a digit or an ideograph.
    """
    package = find_module("ctok")
    if package is None:
        return {}
    return {"claude-opus-4-7": ClaudeEngine("claude-4.7", "4.7", 11, package)}
