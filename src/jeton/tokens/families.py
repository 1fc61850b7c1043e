"""Tokenizer families: what is known of each, as data with its sources in ``families.toml``.

A family says how many tokens a byte can be at the most, what frame a prompt gets, and which
image tier applies. A model may differ from its family in a frame or a tool prompt.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cache
from importlib import resources
from typing import Any

FILE = "families.toml"
# The tokenizer of what this installation answers itself.
O200K = "o200k"
# A release of a model: claude-opus-4-5-20251101.
_RELEASE = re.compile(r"[-@](\d{8}|latest)$")


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens that are known within limits: ``low <= value <= high``, all equal where it is a fact."""

    low: int
    value: int
    high: int

    def __add__(self, other: "Span") -> "Span":
        """Limits are added as they are: parts of one prompt are off in the same direction together."""
        return Span(self.low + other.low, self.value + other.value, self.high + other.high)

    def __mul__(self, times: int) -> "Span":
        """The same span ``times`` times."""
        return Span(self.low * times, self.value * times, self.high * times)


@dataclass(frozen=True, slots=True)
class ImageTier:
    """The limits to which an image is downsized: its longer edge in pixels, and its tokens.

    ``page`` is what one page of a PDF is, its text and its picture together.
    """

    name: str
    edge_max_px: int
    tokens_max: int
    page: Span


@dataclass(frozen=True, slots=True)
class Frame:
    """Tokens around the texts of a prompt.

    ``first`` is the whole frame of a single message, ``turn`` that of each further one, ``system``
    is added once if there is one, ``tools_auto`` or ``tools_any`` (by tool_choice) once when there
    are tools, and ``tool`` for each of them; ``server_tool`` for one that the upstream describes,
    where no toolset says more.
    """

    first: Span
    turn: Span
    system: Span
    tools_auto: Span
    tools_any: Span
    tool: Span
    server_tool: Span


@dataclass(frozen=True, slots=True)
class Family:
    """The most tokens that a family makes of each part of a prompt, and what they most likely are.

    ``prompt_tokens_max`` is added once, ``message_tokens_max`` per turn (system included),
    ``tools_tokens_max`` once when there are tools, ``tool_tokens_max`` per tool. Without an
    ``image_tier`` nothing is known of images.
    """

    family_id: str
    tokens_per_byte: Fraction
    prompt_tokens_max: int
    message_tokens_max: int
    tools_tokens_max: int
    tool_tokens_max: int
    image_tier: ImageTier | None
    frame: Frame


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that ``families.toml`` says."""

    tiers: Mapping[str, ImageTier]
    families: Mapping[str, Family]
    models: Mapping[str, Mapping[str, Span]]
    toolsets: Mapping[str, Mapping[str, Span]]


@cache
def load_facts() -> Facts:
    """The packaged facts; read once."""
    content = tomllib.loads(resources.files("jeton.tokens").joinpath(FILE).read_text("utf-8"))
    tiers = {
        name: ImageTier(name, tier["edge_max_px"], tier["tokens_max"], Span(*content["pdf"][name]["page"]))
        for name, tier in content["image_tiers"].items()
    }
    return Facts(
        tiers=tiers,
        families={
            family_id: _read_family(family_id, table, tiers)
            for family_id, table in content["families"].items()
        },
        models={
            model: {name: Span(tokens, tokens, tokens) for name, tokens in table.items()}
            for model, table in content["models"].items()
        },
        toolsets={
            prefix: {family_id: Span(*span) for family_id, span in table.items()}
            for prefix, table in content["toolsets"].items()
        },
    )


def find_family(family_id: str) -> Family | None:
    """The family of an id, or None when nothing is known about it."""
    return load_facts().families.get(family_id)


def find_frame(family_id: str, model: str) -> Frame:
    """The frame of a model's prompts: its own facts before its family's; the widest if both are unknown."""
    family = find_family(family_id)
    if family is None:
        return UNKNOWN_FRAME
    own = load_facts().models.get(_RELEASE.sub("", model), {})
    return replace(family.frame, **own) if own else family.frame


def _read_family(family_id: str, table: Mapping[str, Any], tiers: Mapping[str, ImageTier]) -> Family:
    most = table["most"]
    return Family(
        family_id=family_id,
        tokens_per_byte=Fraction(table["tokens_per_byte"]),
        prompt_tokens_max=most["prompt"],
        message_tokens_max=most["turn"],
        tools_tokens_max=most["tools"],
        tool_tokens_max=most["tool"],
        image_tier=tiers[table["image_tier"]] if "image_tier" in table else None,
        frame=Frame(**{field.name: Span(*table[field.name]) for field in fields(Frame)}),
    )


# A server whose chat template nobody described: from no frame at all to a generous one.
UNKNOWN_FRAME = Frame(
    first=Span(0, 7, 80),
    turn=Span(0, 4, 16),
    system=Span(0, 4, 24),
    tools_auto=Span(0, 16, 1024),
    tools_any=Span(0, 16, 1024),
    tool=Span(0, 8, 64),
    server_tool=Span(0, 500, 8192),
)
