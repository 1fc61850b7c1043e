"""Words: what is read of a chat completion and its chunks. Lenient: what is not named passes by."""

import msgspec

from jeton.tokens.prompt import ABSENT


class Function(msgspec.Struct):
    """A function that the model calls; in a chunk, a part of that."""

    name: str | None = None
    # JSON text. Some servers send the object itself.
    arguments: str | dict[str, object] | None = None


class ToolCall(msgspec.Struct):
    """A call of a tool; in a chunk, a part of one: ``index`` tells which."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Text(msgspec.Struct):
    """A part of a content that is a list."""

    type: str = ""
    text: str = ""


class Said(msgspec.Struct):
    """A message, or in a chunk what it grows by."""

    content: str | list[Text] | None = None
    tool_calls: list[ToolCall] | None = None
    refusal: str | None = None
    # The same thing under the names that different servers give it.
    reasoning_content: str | None = None
    reasoning: str | None = None

    @property
    def text(self) -> str:
        """What is said to the reader, a refusal included."""
        content = self.content
        if isinstance(content, list):
            content = "".join(part.text for part in content)
        return (content or "") + (self.refusal or "")

    @property
    def thought(self) -> str:
        """What the model says to itself."""
        return self.reasoning_content or self.reasoning or ""


class Choice(msgspec.Struct):
    """One answer of a completion or chunk; only the first (index 0) is asked for."""

    index: int = 0
    message: Said | None = None
    delta: Said | None = None
    finish_reason: str | None = None
    # vLLM's: the stop sequence that was met, or a token's number.
    stop_reason: str | int | None = None


class Completion(msgspec.Struct):
    """A chat completion or one chunk of it; ``usage`` and ``error`` are empty where absent."""

    id: str | None = None
    choices: list[Choice] | None = None
    usage: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


def find_stop_reason(choice: Choice, *, has_tools: bool) -> tuple[str, str | None]:
    """The Messages API's ``stop_reason`` and ``stop_sequence`` of a finished choice."""
    match choice.finish_reason:
        case "length":
            return "max_tokens", None
        case "content_filter":
            return "refusal", None
        case "tool_calls" | "function_call":
            return "tool_use", None
        case _ if has_tools:
            # Some servers say "stop" whatever the reason.
            return "tool_use", None
        case _ if isinstance(choice.stop_reason, str):
            return "stop_sequence", choice.stop_reason
        case _:
            return "end_turn", None
