"""Layout: the blocks of a request in the order in which they are cached, and where it is marked. Pure.

A block is its JSON fields without ``cache_control``, so that a mark may move from turn to turn and the
prefix stays the same. Values are kept as they stand on the wire: what is written otherwise is another
prefix. A content that is a plain string is the text block for which it stands.
"""

from collections.abc import Iterator

import msgspec

from jeton.caching.errors import CacheControlError
from jeton.caching.words import Section

Fields = dict[str, msgspec.Raw]

MARK = "cache_control"
_ABSENT = msgspec.Raw()
_NULL = b"null"
_TOOL_RESULT = b'"tool_result"'
_STRING, _LIST = b'"', b"["
_TEXT = b'"text"'
_TEXT_TYPE = msgspec.Raw(_TEXT)
# The letters of "cache_control" may be written as escapes: \u005f is "_", \u006x and \u007x are the others.
_ESCAPE = b"\\u00"
_ESCAPES = (b"\\u005", b"\\u006", b"\\u007")
SENTENCE_CHARACTERS_MAX = 500


class Block(msgspec.Struct, frozen=True, gc=False):
    """One block: its section, the message's ``turn`` and its ``index`` there, who speaks, and its fields.

    ``speaker`` is a message's role, else the section. ``kind`` is its type as JSON text, empty without one.
    """

    section: Section
    turn: int
    index: int
    speaker: str
    kind: bytes
    fields: Fields
    mark: msgspec.Raw = _ABSENT

    @property
    def path(self) -> str:
        """How the Messages API names it in an error."""
        if self.section == "messages":
            return f"messages.{self.turn}.content.{self.index}"
        return f"{self.section}.{self.index}"


class _Turn(msgspec.Struct):
    role: str
    content: msgspec.Raw


class Choice(msgspec.Struct):
    """What of a ``tool_choice`` the model reads."""

    type: str = "auto"
    name: str = ""
    disable_parallel_tool_use: bool = False


class Thinking(msgspec.Struct):
    """What of ``thinking`` changes the prompt."""

    type: str = "disabled"
    budget_tokens: int | None = None


class _Output(msgspec.Struct):
    effort: str | None = None


class _Diagnostics(msgspec.Struct):
    previous_message_id: str | None = None


class _Body(msgspec.Struct):
    messages: list[_Turn]
    tools: list[Fields] | None = None
    system: msgspec.Raw = _ABSENT
    tool_choice: Choice | None = None
    thinking: Thinking | None = None
    output_config: _Output | None = None
    speed: str | None = None
    cache_control: msgspec.Raw = _ABSENT
    diagnostics: _Diagnostics | None = None


class Layout(msgspec.Struct, frozen=True):
    """A request as prompt caching sees it; ``automatic`` is its own mark, empty if it has none."""

    blocks: tuple[Block, ...]
    automatic: msgspec.Raw
    choice: Choice
    thinking: Thinking
    effort: str | None
    speed: str
    wants_diagnosis: bool
    previous_message_id: str | None


_BODY = msgspec.json.Decoder(_Body)
_BLOCKS = msgspec.json.Decoder(list[Fields])


def may_be_marked(body: bytes) -> bool:
    """Whether there can be a mark in a body at all; a few searches through its bytes."""
    return b"cache_control" in body or (_ESCAPE in body and any(escape in body for escape in _ESCAPES))


def read_layout(body: bytes) -> Layout:
    """The layout of a body that is a request already; CacheControlError where a part is none."""
    try:
        parsed = _BODY.decode(body)
        blocks = tuple(_list_blocks(parsed))
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        field = path.rstrip("`").replace("[", ".").replace("]", "").strip(".")
        raise CacheControlError(f"{field or 'messages'}: {problem}"[:SENTENCE_CHARACTERS_MAX]) from None
    except (msgspec.DecodeError, RecursionError):
        raise CacheControlError("The request body is nested too deeply.") from None
    return Layout(
        blocks=blocks,
        automatic=_present(parsed.cache_control),
        choice=parsed.tool_choice or Choice(),
        thinking=parsed.thinking or Thinking(),
        effort=parsed.output_config.effort if parsed.output_config else None,
        speed=parsed.speed or "standard",
        wants_diagnosis=parsed.diagnostics is not None,
        previous_message_id=parsed.diagnostics.previous_message_id if parsed.diagnostics else None,
    )


def _list_blocks(parsed: _Body) -> Iterator[Block]:
    for index, fields in enumerate(parsed.tools or ()):
        yield _block("tools", 0, index=index, speaker="tools", fields=fields)
    system = _present(parsed.system)
    if system:
        yield from _content_blocks(system, section="system", speaker="system", turn=0)
    for turn, message in enumerate(parsed.messages):
        yield from _content_blocks(message.content, section="messages", speaker=message.role, turn=turn)


def _content_blocks(content: msgspec.Raw, *, section: Section, speaker: str, turn: int) -> Iterator[Block]:
    if _begins(content, _STRING):
        yield Block(section, turn, 0, speaker, _TEXT, {"type": _TEXT_TYPE, "text": content})
        return
    for index, fields in enumerate(_BLOCKS.decode(content)):
        yield _block(section, turn, index=index, speaker=speaker, fields=fields)


def _block(section: Section, turn: int, *, index: int, speaker: str, fields: Fields) -> Block:
    kind = bytes(fields.get("type", b""))
    mark = fields.pop(MARK, _ABSENT)
    if mark:
        mark = _present(mark)
    inner = fields.get("content")
    if inner is not None and kind == _TOOL_RESULT and _begins(inner, _LIST):
        fields["content"], inner_mark = _without_marks(inner)
        # What stands inside a result is cached with it, so its mark is the result's.
        mark = mark or inner_mark
    return Block(section, turn, index, speaker, kind, fields, mark)


def _without_marks(content: msgspec.Raw) -> tuple[msgspec.Raw, msgspec.Raw]:
    """The blocks inside a result in one spelling, whether marked or not, and the last mark."""
    mark = _ABSENT
    parts = _BLOCKS.decode(content)
    for part in parts:
        mark = _present(part.pop(MARK, _ABSENT)) or mark
    return msgspec.Raw(msgspec.json.encode(parts)), mark


def _present(raw: msgspec.Raw) -> msgspec.Raw:
    return _ABSENT if _begins(raw, _NULL) else raw


def _begins(raw: msgspec.Raw, beginning: bytes) -> bool:
    return memoryview(raw)[: len(beginning)] == beginning
