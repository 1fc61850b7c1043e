"""Tokenizer families: the ceilings that make a bound of a prompt true for each of them.

A byte-level BPE never makes more tokens than there are bytes. Claude's tokenizers mark words
and lower-case letters before they cut, so theirs can: 2.34 tokens per byte is the most that a
search over 30,000 code points found, and 2.5 is what is held for.
"""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Family:
    """The most tokens that a family makes of each part of a prompt.

    ``prompt_tokens_max`` is added once, ``message_tokens_max`` per turn (system included),
    ``tools_tokens_max`` once when there are tools, ``tool_tokens_max`` per tool.
    """

    family_id: str
    tokens_per_byte: Fraction
    prompt_tokens_max: int
    message_tokens_max: int
    tools_tokens_max: int
    tool_tokens_max: int
    image_tokens_max: int


O200K = Family(
    family_id="o200k",
    tokens_per_byte=Fraction(1),
    prompt_tokens_max=3,
    message_tokens_max=4,
    tools_tokens_max=16,
    tool_tokens_max=8,
    image_tokens_max=4784,
)

# Measured frames of one user message are 6 to 11 tokens; the published tool prompts reach 804
# (Opus 4.7, any|tool). What is held is a round number above. Models to 4.6 downsize an image to
# 1,568 tokens, later ones to 4,784 (vision documentation, 2026-08-22).
CLAUDE_V3 = Family(
    family_id="claude-3",
    tokens_per_byte=Fraction(5, 2),
    prompt_tokens_max=64,
    message_tokens_max=16,
    tools_tokens_max=1024,
    tool_tokens_max=64,
    image_tokens_max=1568,
)
CLAUDE_V47 = Family(
    family_id="claude-4.7",
    tokens_per_byte=Fraction(5, 2),
    prompt_tokens_max=64,
    message_tokens_max=16,
    tools_tokens_max=1024,
    tool_tokens_max=64,
    image_tokens_max=4784,
)

FAMILIES = {family.family_id: family for family in (O200K, CLAUDE_V3, CLAUDE_V47)}


def find_family(family_id: str) -> Family | None:
    """The family of an id, or None when nothing is known about it."""
    return FAMILIES.get(family_id)
