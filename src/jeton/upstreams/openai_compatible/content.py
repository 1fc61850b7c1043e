"""Content: from the blocks of a Messages turn to the messages of a chat completion. Pure.

One turn may become several messages, for there tool results are messages of their own. What the
other dialect cannot say is refused with a sentence that names the field; thinking of earlier
turns is left out, since it belongs to the model that thought it.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from jeton.tokens.prompt import ABSENT

ERROR_PREFIX = "Error: "
Wire = dict[str, object]


class UntranslatableError(Exception):
    """What this upstream cannot be asked, naming the field; only this package sees it."""


class Source(msgspec.Struct):
    """Where an image or a document is."""

    type: str
    media_type: str = ""
    data: str = ""
    url: str = ""
    content: msgspec.Raw = ABSENT


class Part(msgspec.Struct):
    """A content block, as far as it can be translated."""

    type: str
    text: str | None = None
    source: Source | None = None
    id: str = ""
    name: str = ""
    input: msgspec.Raw = ABSENT
    tool_use_id: str = ""
    content: msgspec.Raw = ABSENT
    is_error: bool | None = None
    title: str | None = None


class Turn(msgspec.Struct):
    """A message."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Part]


_CONTENT = msgspec.json.Decoder(str | list[Part])
_PARTS = msgspec.json.Decoder(list[Part])


def translate_turn(turn: Turn, path: str) -> list[Wire]:
    """The messages that say the same; UntranslatableError."""
    if isinstance(turn.content, str):
        return [{"role": turn.role, "content": turn.content}]
    match turn.role:
        case "assistant":
            return [_translate_assistant(turn.content, path)]
        case "system":
            return [{"role": "system", "content": join_texts(turn.content, path)}]
        case _:
            return _translate_user(turn.content, path)


def join_texts(parts: Sequence[Part], path: str) -> str:
    """The texts of blocks that may only be text, an empty line between two; UntranslatableError."""
    for index, part in enumerate(parts):
        if part.type != "text":
            raise _unknown(f"{path}.{index}", part.type)
    return "\n\n".join(part.text or "" for part in parts)


def _translate_assistant(parts: Sequence[Part], path: str) -> Wire:
    texts: list[str] = []
    calls: list[Wire] = []
    for index, part in enumerate(parts):
        match part.type:
            case "text":
                texts.append(part.text or "")
            case "tool_use":
                function = {"name": part.name, "arguments": bytes(part.input or b"{}").decode()}
                calls.append({"id": part.id, "type": "function", "function": function})
            case "thinking" | "redacted_thinking":
                continue
            case _:
                raise _unknown(f"{path}.{index}", part.type)
    message: Wire = {"role": "assistant", "content": "".join(texts) or (None if calls else "")}
    if calls:
        message["tool_calls"] = calls
    return message


def _translate_user(parts: Sequence[Part], path: str) -> list[Wire]:
    # Results come first: they must follow the calls that they answer.
    results: list[Wire] = []
    rest: list[Wire] = []
    for index, part in enumerate(parts):
        here = f"{path}.{index}"
        if part.type == "tool_result":
            result, images = _translate_result(part, here)
            results.append(result)
            rest += images
        else:
            rest += _translate_part(part, here)
    if not rest:
        return results
    if all(part["type"] == "text" for part in rest):
        # Every server and every chat template takes a plain text.
        return [*results, {"role": "user", "content": "\n\n".join(str(part["text"]) for part in rest)}]
    return [*results, {"role": "user", "content": rest}]


def _translate_result(part: Part, path: str) -> tuple[Wire, list[Wire]]:
    """The message of a tool, and what it showed, which only a user can show there."""
    content = _CONTENT.decode(part.content) if part.content else ""
    inner: list[Wire] = []
    if not isinstance(content, str):
        for index, block in enumerate(content):
            inner += _translate_part(block, f"{path}.content.{index}")
        content = "\n\n".join(str(block["text"]) for block in inner if block["type"] == "text")
    if part.is_error:
        content = ERROR_PREFIX + content
    message: Wire = {"role": "tool", "tool_call_id": part.tool_use_id, "content": content}
    return message, [block for block in inner if block["type"] != "text"]


def _translate_part(part: Part, path: str) -> list[Wire]:
    match part.type:
        case "text":
            return [{"type": "text", "text": part.text or ""}]
        case "image":
            return [{"type": "image_url", "image_url": {"url": _image_url(part.source, path)}}]
        case "document":
            return [_translate_document(part, path)]
        case "search_result" if part.content:
            texts = join_texts(_PARTS.decode(part.content), f"{path}.content")
            return [{"type": "text", "text": _with_title(part.title, texts)}]
        case _:
            raise _unknown(path, part.type)


def _image_url(source: Source | None, path: str) -> str:
    match source:
        case Source(type="base64"):
            return f"data:{source.media_type};base64,{source.data}"
        case Source(type="url"):
            return source.url
        case _:
            raise _unknown(f"{path}.source", source.type if source else "missing")


def _translate_document(part: Part, path: str) -> Wire:
    match part.source:
        case Source(type="text", data=data):
            return {"type": "text", "text": _with_title(part.title, data)}
        case Source(type="content", content=content) if content:
            decoded = _CONTENT.decode(content)
            text = decoded if isinstance(decoded, str) else join_texts(decoded, f"{path}.source.content")
            return {"type": "text", "text": _with_title(part.title, text)}
        case Source(type="base64", media_type=media_type, data=data):
            name = part.title or "document.pdf"
            return {
                "type": "file",
                "file": {"filename": name, "file_data": f"data:{media_type};base64,{data}"},
            }
        case _:
            raise _unknown(f"{path}.source", part.source.type if part.source else "missing")


def _with_title(title: str | None, text: str) -> str:
    return f"{title}\n\n{text}" if title else text


def _unknown(path: str, kind: str) -> UntranslatableError:
    return UntranslatableError(
        f"{path}: {kind[:100]} is not known to this upstream, which speaks chat completions"
    )
