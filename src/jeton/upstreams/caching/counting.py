"""Counting: our own counts of the prefixes at which a prompt is read or written."""

from collections.abc import Collection, Sequence

from jeton.caching.layout import Block as LaidBlock
from jeton.tokens.counter.counting import Counter
from jeton.tokens.prompt import Message, Prompt


def count_prefixes(
    prompt: Prompt,
    blocks: Sequence[LaidBlock],
    lengths: Collection[int],
    *,
    counter: Counter,
    family: str,
) -> dict[int, int]:
    """Tokens of each prefix, by its length in blocks; texts seen before are not counted again."""
    return {
        length: counter.count_prompt(cut_prompt(prompt, blocks, length), family).value if length else 0
        for length in lengths
    }


def cut_prompt(prompt: Prompt, blocks: Sequence[LaidBlock], length: int) -> Prompt:
    """The beginning of a prompt, ``length`` blocks of it (at least one)."""
    if length >= len(blocks):
        return prompt
    place = blocks[length - 1].place
    match place.section:
        case "tools":
            return Prompt(prompt.model, [], None, prompt.tools[: place.block + 1], prompt.tool_choice)
        case "system":
            whole = prompt.system or ""
            system = whole if isinstance(whole, str) else whole[: place.block + 1]
            return Prompt(prompt.model, [], system, prompt.tools, prompt.tool_choice)
        case "messages":
            last = prompt.messages[place.turn]
            content = last.content if isinstance(last.content, str) else last.content[: place.block + 1]
            messages = [*prompt.messages[: place.turn], Message(last.role, content)]
            return Prompt(prompt.model, messages, prompt.system, prompt.tools, prompt.tool_choice)
