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
    last = blocks[length - 1]
    match last.section:
        case "tools":
            return Prompt(prompt.model, [], None, prompt.tools[: last.index + 1], prompt.tool_choice)
        case "system":
            whole = prompt.system or ""
            system = whole if isinstance(whole, str) else whole[: last.index + 1]
            return Prompt(prompt.model, [], system, prompt.tools, prompt.tool_choice)
        case "messages":
            message = prompt.messages[last.turn]
            said = message.content
            content = said if isinstance(said, str) else said[: last.index + 1]
            messages = [*prompt.messages[: last.turn], Message(message.role, content)]
            return Prompt(prompt.model, messages, prompt.system, prompt.tools, prompt.tool_choice)
