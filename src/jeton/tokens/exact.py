"""Exact: o200k tokens of texts and prompts, offline; the vocabulary is inside ``rs-bpe``'s wheel.

``count_prompt`` is the definition of input tokens for everything that the embedded upstream
serves: what that upstream reports is this number. Its frame is that of o200k in ``families.toml``.
"""

from typing import assert_never

from jeton.tokens.content import Fetched, Image, Part, Pdf, Text, list_parts, render_raw
from jeton.tokens.engines.interface import encodable
from jeton.tokens.engines.packaged import count_with, o200k
from jeton.tokens.families import O200K, Family, ImageTier, load_facts
from jeton.tokens.frame import frame_tokens
from jeton.tokens.media import image_tokens, pdf_tokens
from jeton.tokens.prompt import Prompt


def count_text(text: str) -> int:
    """The o200k tokens of a text; a lone surrogate counts as a question mark."""
    return count_with(o200k(), text)


def count_prompt(prompt: Prompt, family: Family | None = None) -> int:
    """The input tokens of a prompt: o200k for its text and frame, ``family``'s rule for its images."""
    tier = find_tier(family)
    tokens = frame_tokens(prompt, O200K).value
    if prompt.system is not None:
        tokens += sum(_count_part(part, tier) for part in list_parts(prompt.system))
    tokens += sum(count_text(render_raw(tool)) for tool in prompt.tools)
    for message in prompt.messages:
        tokens += sum(_count_part(part, tier) for part in list_parts(message.content))
    return tokens


def find_tier(family: Family | None) -> ImageTier:
    """The image tier of a family; the high one where nothing is known."""
    known = family and family.image_tier
    return known or load_facts().tiers["high"]


def cut_text(text: str, tokens_max: int) -> str:
    """The longest beginning of ``text`` that ends on a token's edge and has at most ``tokens_max`` tokens.

    A character that takes several tokens is never split, so the count may stay below the maximum.
    """
    clean = encodable(text)
    tokens = o200k().encode(clean)
    if len(tokens) <= tokens_max:
        return clean
    for end in range(tokens_max, 0, -1):
        beginning = o200k().decode(tokens[:end])
        # A beginning can tokenize differently from the same bytes inside the whole.
        if beginning is not None and count_text(beginning) <= tokens_max:
            return beginning
    return ""


def split_text(text: str, tokens_each: int) -> list[str]:
    """``text`` in pieces of ``tokens_each`` tokens, never inside a character; joined they are the text."""
    clean = encodable(text)
    tokens = o200k().encode(clean)
    pieces: list[str] = []
    start, end = 0, tokens_each
    while start < len(tokens):
        piece = o200k().decode(tokens[start:end])
        if piece is None:
            end += 1
            continue
        pieces.append(piece)
        start, end = min(end, len(tokens)), end + tokens_each
    return pieces


def _count_part(part: Part, tier: ImageTier) -> int:
    match part:
        case Text(text):
            return count_text(text)
        case Image(data=data):
            return image_tokens(data, tier)
        case Pdf(data=data):
            return pdf_tokens(data, tier)
        case Fetched(reference):
            # Nothing in this process fetches: what counts is what was sent.
            return count_text(reference)
        case _:
            assert_never(part)
