"""The bound is a promise (P1): never below the exact count, for any prompt."""

import base64
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.tokens.bound import bound_counted, bound_prompt
from jeton.tokens.count import Count, exact_count
from jeton.tokens.exact import count_prompt, count_text
from jeton.tokens.families import load_facts
from jeton.tokens.prompt import Prompt

WINDOW = 10**9
FAMILIES = load_facts().families

# All scripts, control characters, lone surrogates (as the escapes that a JSON encoder makes of
# them), and what tokenizers are known to be bad at.
characters = st.one_of(
    st.characters(codec="utf-8"),
    st.characters(min_codepoint=0, max_codepoint=0x1F),
    st.sampled_from("Ⱥ.^=\u200d👩漢ไทย\ufffd\x7f\u2028'\"\\/𝅘𝅥𝅮\u0344\u0958ẞİ"),
)
texts = st.one_of(
    st.text(characters, max_size=60), st.text(characters, max_size=3).map(lambda text: text * 40)
)
base64s = st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode())
media = st.one_of(
    st.builds(lambda data: {"type": "base64", "media_type": "image/png", "data": data}, base64s),
    st.just({"type": "url", "url": "https://example.com/x.png"}),
)
leaves = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, texts),
    st.builds(lambda source: {"type": "image", "source": source}, media),
    st.builds(lambda source: {"type": "document", "source": source}, media),
    st.builds(
        lambda text, title: {"type": "document", "title": title, "source": {"type": "text", "data": text}},
        texts,
        texts,
    ),
    st.builds(
        lambda name, text: {"type": "tool_use", "name": name, "input": {name: [text, None, 1.5]}},
        texts,
        texts,
    ),
    st.builds(lambda text: {"type": "thinking", "thinking": text, "signature": "x"}, texts),
    st.builds(lambda text: {"type": "web_search_tool_result", "content": {"x": text}}, texts),
)
blocks = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda content: {"type": "tool_result", "tool_use_id": "t", "content": content},
        st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)
contents = st.one_of(texts, st.lists(blocks, min_size=1, max_size=4))
messages = st.lists(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["user", "assistant"]),
        contents,
    ),
    min_size=1,
    max_size=12,
)
tools = st.lists(st.builds(lambda name, text: {"name": name, "description": text}, texts, texts), max_size=4)
bodies = st.fixed_dictionaries(
    {"model": st.just("m"), "messages": messages}, optional={"system": contents, "tools": tools}
)


def parse(body: bytes) -> Prompt:
    return msgspec.json.decode(body, type=Prompt)


def exact(text: str) -> Count:
    return exact_count(count_text(text), "o200k")


def bound(body: bytes, family: str = "o200k", window: int = WINDOW) -> int:
    return bound_prompt(parse(body), body_bytes=len(body), family=family, context_window=window)


@settings(max_examples=400, deadline=None)
@given(bodies, st.booleans(), st.sampled_from(sorted(FAMILIES)))
def test_never_below_the_exact_count(content: object, escapes: bool, family: str) -> None:  # noqa: FBT001 -- both ways to write a letter in JSON
    body = json.dumps(content, ensure_ascii=escapes, separators=(",", ":")).encode("utf-8", "replace")
    assert bound(body, family) >= count_prompt(parse(body), FAMILIES[family])


@settings(max_examples=200, deadline=None)
@given(bodies, st.booleans())
def test_counted_prose_is_a_bound_too(content: object, escapes: bool) -> None:  # noqa: FBT001 -- as above
    body = json.dumps(content, ensure_ascii=escapes, separators=(",", ":")).encode("utf-8", "replace")
    prompt = parse(body)
    counted = bound_counted(prompt, body_bytes=len(body), family="o200k", count_text=exact)
    assert counted is None or counted >= count_prompt(prompt)


@settings(deadline=None)
@given(texts, st.booleans())
def test_a_json_string_has_at_least_the_bytes_of_its_text(text: str, escapes: bool) -> None:  # noqa: FBT001 -- as above
    assert len(json.dumps(text, ensure_ascii=escapes).encode()) - 2 >= len(text.encode())


@settings(deadline=None)
@given(texts)
def test_o200k_never_makes_more_tokens_than_bytes(text: str) -> None:
    assert count_text(text) <= len(text.encode())


def test_worked_by_hand() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"Hello"}]}'
    assert len(body) == 60
    assert bound(body) == 60 + 256 + 16
    # 60 bytes x 3.2, a prompt's 64 and a turn's 16.
    assert bound(body, "claude-4.7") == 192 + 64 + 16
    # A part of a token is rounded up: 61 x 3.2 is 195.2.
    assert bound(body + b" ", "claude-4.7") == 196 + 64 + 16


def test_an_image_is_held_for_by_its_tier_and_not_by_its_bytes() -> None:
    source = b'{"type":"base64","media_type":"image/png","data":"' + b"A" * 400_000 + b'"}'
    body = b'{"model":"m","messages":[{"role":"user","content":[{"type":"image","source":' + source + b"}]}]}"
    rest = len(body) - len(source)
    assert bound(body, "claude-3") == -(-rest * 16 // 5) + 64 + 16 + 1568
    assert bound(body, "claude-4.7") == -(-rest * 16 // 5) + 64 + 16 + 4784


def content_body(block: object, **fields: object) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": [block]}], **fields}).encode()


TEXT = {"type": "text", "text": "x"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            content_body({"type": "document", "source": {"type": "url", "url": "https://a"}}), id="url"
        ),
        pytest.param(
            content_body({"type": "document", "source": {"type": "file", "file_id": "f"}}), id="file"
        ),
        pytest.param(
            content_body({"type": "document", "source": {"type": "base64", "data": "AAAA"}}), id="pdf"
        ),
        pytest.param(
            content_body(TEXT, tools=[{"type": "web_search_20260209", "name": "w"}]), id="web-search"
        ),
        pytest.param(content_body(TEXT, tools=[{"type": "mcp_toolset", "name": "w"}]), id="mcp"),
        pytest.param(content_body(TEXT, tools=[{"type": 3}]), id="unreadable-tool"),
        pytest.param(content_body(TEXT, tools=["x"]), id="tool-that-is-none"),
    ],
)
def test_what_has_no_length_here_is_held_for_by_the_context_window(body: bytes) -> None:
    assert bound(body, "claude-4.7", 200_000) == 200_000


def test_an_image_for_a_family_whose_images_nobody_described_is_held_for_by_the_context_window() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    assert bound(content_body(image), "cl100k", 131_072) == 131_072


def test_an_unknown_family_is_held_for_by_the_context_window() -> None:
    assert bound(content_body(TEXT), "another", 131_072) == 131_072


def test_a_hidden_image_is_found_behind_escapes() -> None:
    plain = content_body(
        {"type": "tool_result", "content": [{"type": "image", "source": {"type": "url", "url": "u"}}]}
    )
    escaped = plain.replace(b'"image"', b'"im\\u0061ge"')
    assert bound(escaped) > 4784
    assert bound(plain) > 4784


def test_tools_that_the_caller_runs_add_what_the_upstream_says_about_them() -> None:
    without = bound(content_body(TEXT, tools=[{"name": "bash"}]))
    tool = {"name": "bash", "type": "bash_20250124"}
    assert bound(content_body(TEXT, tools=[tool])) == without + 8192 + len(', "type": "bash_20250124"')


def test_custom_tools_are_text() -> None:
    tool = {"name": "a", "type": "custom"}
    body = content_body(TEXT, tools=[tool])
    assert bound(body) == len(body) + 256 + 16 + 512 + 64


def test_nothing_longer_than_the_context_window_is_ever_answered() -> None:
    assert bound(content_body({"type": "text", "text": "x" * 5000}), window=1000) == 1000
