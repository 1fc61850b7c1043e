"""Content: from the messages of a chat to the turns of a Messages request. Pure."""

from collections.abc import Sequence

import msgspec

from jeton.gateway.errors import InvalidRequestError
from jeton.gateway.openai.words import ChatMessage, Part, ToolCall

Wire = dict[str, object]
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_DATA = "data:"


def translate_messages(messages: Sequence[ChatMessage]) -> tuple[list[Wire], list[Wire]]:
    """The blocks of ``system`` (wherever they stood) and the turns; InvalidRequestError names the field."""
    system: list[Wire] = []
    turns: list[Wire] = []
    for index, message in enumerate(messages):
        path = f"messages.{index}"
        match message.role:
            case "system" | "developer":
                system += _translate_parts(message.content, f"{path}.content")
            case "user":
                turns.append(
                    {"role": "user", "content": _translate_parts(message.content, f"{path}.content")}
                )
            case "assistant":
                if blocks := _translate_assistant(message, path):
                    turns.append({"role": "assistant", "content": blocks})
            case "tool":
                _add_result(turns, message, path)
    return system, turns


def _translate_assistant(message: ChatMessage, path: str) -> list[Wire]:
    blocks = _translate_parts(message.content, f"{path}.content")
    if message.refusal:
        blocks.append({"type": "text", "text": message.refusal})
    for number, call in enumerate(message.tool_calls or ()):
        arguments = _parse_arguments(call, f"{path}.tool_calls.{number}")
        blocks.append({"type": "tool_use", "id": call.id, "name": call.function.name, "input": arguments})
    return blocks


def _add_result(turns: list[Wire], message: ChatMessage, path: str) -> None:
    """Results of one round stand in one turn, as the Messages API wants them."""
    result: Wire = {
        "type": "tool_result",
        "tool_use_id": message.tool_call_id,
        "content": _translate_parts(message.content, f"{path}.content"),
    }
    last = turns[-1] if turns else None
    blocks = last["content"] if last is not None and last["role"] == "user" else None
    if isinstance(blocks, list) and all(block["type"] == "tool_result" for block in blocks):
        blocks.append(result)
    else:
        turns.append({"role": "user", "content": [result]})


def _parse_arguments(call: ToolCall, path: str) -> dict[str, msgspec.Raw]:
    if not call.function.arguments.strip():
        return {}
    try:
        return _OBJECT.decode(call.function.arguments)
    except (msgspec.DecodeError, RecursionError):
        raise InvalidRequestError(f"{path}.function.arguments: must be a JSON object") from None


def _translate_parts(content: str | list[Part] | None, path: str) -> list[Wire]:
    if content is None or isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    blocks = []
    for index, part in enumerate(content):
        block = _translate_part(part, f"{path}.{index}")
        if block is None:
            continue
        if part.cache_control:
            block["cache_control"] = part.cache_control
        blocks.append(block)
    return blocks


def _translate_part(part: Part, path: str) -> Wire | None:
    match part.type:
        case "text" | "refusal":
            text = part.text or part.refusal
            return {"type": "text", "text": text} if text else None
        case "image_url" if part.image_url is not None:
            return {"type": "image", "source": _image_source(part.image_url.url, f"{path}.image_url.url")}
        case "file" if part.file is not None and part.file.file_data:
            block: Wire = {"type": "document", "source": _data_source(part.file.file_data, f"{path}.file")}
            if part.file.filename:
                block["title"] = part.file.filename
            return block
        case _:
            raise InvalidRequestError(f"{path}: parts of type {part.type[:100]} are not served here")


def _image_source(url: str, path: str) -> Wire:
    return _data_source(url, path) if url.startswith(_DATA) else {"type": "url", "url": url}


def _data_source(url: str, path: str) -> Wire:
    head, comma, data = url.removeprefix(_DATA).partition(",")
    media_type, _, coding = head.partition(";")
    if not url.startswith(_DATA) or not comma or coding != "base64":
        raise InvalidRequestError(f"{path}: must be data:<media type>;base64,<data>")
    return {"type": "base64", "media_type": media_type, "data": data}
