"""Words: a chat completion as clients ask for it. What is not named here passes by."""

from typing import Literal

import msgspec

from jeton.tokens.prompt import ABSENT


class ImageUrl(msgspec.Struct):
    """Where an image is: an address, or ``data:image/png;base64,…``."""

    url: str


class File(msgspec.Struct):
    """A file in the request itself."""

    file_data: str = ""
    filename: str | None = None


class Part(msgspec.Struct):
    """A part of a content that is a list. ``cache_control`` is ours: it is the Messages API's."""

    type: str
    text: str = ""
    refusal: str = ""
    image_url: ImageUrl | None = None
    file: File | None = None
    cache_control: msgspec.Raw = ABSENT


class Function(msgspec.Struct):
    """A function that was called."""

    name: str
    arguments: str = ""


class ToolCall(msgspec.Struct):
    """A call of a tool in an earlier turn."""

    id: str
    function: Function


class ChatMessage(msgspec.Struct):
    """One message."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str = ""
    refusal: str | None = None


class FunctionTerms(msgspec.Struct):
    """A function that may be called."""

    name: str
    description: str | None = None
    parameters: msgspec.Raw = ABSENT
    strict: bool | None = None


class Tool(msgspec.Struct):
    """A tool."""

    type: str
    function: FunctionTerms | None = None
    cache_control: msgspec.Raw = ABSENT


class NamedFunction(msgspec.Struct):
    """The name of a function."""

    name: str


class NamedTool(msgspec.Struct):
    """A tool that must be called."""

    type: str
    function: NamedFunction | None = None


class Schema(msgspec.Struct):
    """A JSON schema by a name."""

    schema: msgspec.Raw = ABSENT


class ResponseFormat(msgspec.Struct):
    """What the answer must look like."""

    type: str
    json_schema: Schema | None = None


class StreamOptions(msgspec.Struct):
    """What a stream has beside the answer."""

    include_usage: bool | None = None


class ChatRequest(msgspec.Struct):
    """The body of ``POST /v1/chat/completions``."""

    model: str
    messages: list[ChatMessage]
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    stop: str | list[str] | None = None
    temperature: msgspec.Raw = ABSENT
    top_p: msgspec.Raw = ABSENT
    tools: list[Tool] | None = None
    tool_choice: str | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    n: int | None = None
    logprobs: bool | None = None
    modalities: list[str] | None = None
    functions: msgspec.Raw = ABSENT
    web_search_options: msgspec.Raw = ABSENT
