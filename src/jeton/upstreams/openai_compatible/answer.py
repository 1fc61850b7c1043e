"""Answer: from a chat completion in one piece to a message of the Messages API. Pure."""

import msgspec

from jeton.ids import new_id
from jeton.upstreams.errors import UpstreamDialectError
from jeton.upstreams.openai_compatible.usage import translate_usage
from jeton.upstreams.openai_compatible.words import Completion, Function, Said, find_stop_reason

# What a tool is given when the model's arguments are not a JSON object.
UNPARSED = "unparsed_arguments"
_COMPLETION = msgspec.json.Decoder(Completion)
_OBJECT = msgspec.json.Decoder(dict[str, object])


def translate_answer(body: bytes, *, model: str, shows_thinking: bool, is_prewarming: bool = False) -> bytes:
    """The message as JSON under the name that the caller gave the ``model``.

    ``is_prewarming``: no output was asked for, so none is shown nor counted. Raises
    UpstreamDialectError for what is no chat completion.
    """
    try:
        completion = _COMPLETION.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamDialectError("it answered with something that is no chat completion") from error
    if not completion.choices or completion.choices[0].message is None:
        raise UpstreamDialectError("its chat completion has no message")
    choice = completion.choices[0]
    content = [] if is_prewarming else _render_content(completion.choices[0].message, shows_thinking)
    stop_reason, stop_sequence = find_stop_reason(
        choice, has_tools=any(block["type"] == "tool_use" for block in content)
    )
    usage = translate_usage(bytes(completion.usage))
    if is_prewarming:
        stop_reason, stop_sequence = "max_tokens", None
        usage = usage and {**usage, "output_tokens": 0, "output_tokens_details": None}
    return msgspec.json.encode(
        {
            **render_message(completion.id, model),
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": stop_sequence,
            "usage": usage,
        }
    )


def render_message(upstream_id: str | None, model: str) -> dict[str, object]:
    """A message before anything of it is known."""
    return {
        "id": f"msg_{upstream_id}" if upstream_id else new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        "diagnostics": None,
        "usage": None,
    }


def _render_content(said: Said | None, shows_thinking: bool) -> list[dict[str, object]]:  # noqa: FBT001 - the only one there is
    blocks: list[dict[str, object]] = []
    if said is None:
        return blocks
    if said.thought and shows_thinking:
        blocks.append({"type": "thinking", "thinking": said.thought, "signature": ""})
    if said.text:
        blocks.append({"type": "text", "text": said.text, "citations": None})
    for call in said.tool_calls or ():
        function = call.function or Function()
        blocks.append(
            {
                "type": "tool_use",
                "id": call.id or new_id("toolu"),
                "name": function.name or "",
                "input": _parse_arguments(function.arguments),
            }
        )
    return blocks


def _parse_arguments(arguments: str | dict[str, object] | None) -> dict[str, object]:
    if not arguments or isinstance(arguments, dict):
        return arguments or {}
    try:
        return _OBJECT.decode(arguments)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # The tokens were made and are paid for, so the caller gets to see them.
        return {UNPARSED: arguments}
