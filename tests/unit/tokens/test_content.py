import msgspec

from jeton.tokens.content import CONTENT_DEPTH_MAX, Fetched, Image, Part, Pdf, Text, list_parts
from jeton.tokens.prompt import Block


def parts(*blocks: object) -> list[Part]:
    return list(list_parts(msgspec.json.decode(msgspec.json.encode(blocks), type=list[Block])))


def test_every_text_of_a_block_is_a_part() -> None:
    document = {
        "type": "document",
        "title": "A title",
        "context": "Some context",
        "source": {"type": "text", "media_type": "text/plain", "data": "The body."},
    }
    assert parts(document) == [Text("A title"), Text("Some context"), Text("The body.")]


def test_a_tool_call_is_its_name_and_its_json() -> None:
    block = {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {"q": "x"}}
    assert parts(block) == [Text("find"), Text('{"q":"x"}', is_prose=False)]


def test_a_tool_result_is_read_through_to_its_documents() -> None:
    inner = {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "deep"}]}}
    assert parts({"type": "tool_result", "tool_use_id": "t", "content": [inner]}) == [Text("deep")]
    assert parts({"type": "tool_result", "tool_use_id": "t", "content": "plain"}) == [Text("plain")]


def test_a_search_result_is_its_title_source_and_texts() -> None:
    block = {
        "type": "search_result",
        "source": "https://a",
        "title": "T",
        "content": [{"type": "text", "text": "x"}],
    }
    assert parts(block) == [Text("T"), Text('"https://a"', is_prose=False), Text("x")]


def test_other_json_content_stands_for_itself() -> None:
    block = {"type": "web_search_tool_result", "content": {"type": "error", "error_code": "x"}}
    assert parts(block) == [Text('{"type":"error","error_code":"x"}', is_prose=False)]


def test_media_know_how_many_bytes_of_the_body_they_are() -> None:
    image = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    wire_bytes = len(msgspec.json.encode(image))
    assert parts({"type": "image", "source": image}) == [Image(wire_bytes, "AAAA")]
    assert parts({"type": "document", "source": image}) == [Pdf(wire_bytes, "AAAA")]


def test_an_image_by_url_is_an_image_and_a_document_by_url_is_fetched() -> None:
    url = {"type": "url", "url": "https://a/b"}
    text = '{"type":"url","url":"https://a/b"}'
    assert parts({"type": "image", "source": url}) == [Image(len(text), None)]
    assert parts({"type": "document", "source": url}) == [Fetched(text)]


def test_nesting_beyond_the_limit_is_read_as_json() -> None:
    content: object = "bottom"
    for _ in range(CONTENT_DEPTH_MAX + 3):
        content = [{"type": "tool_result", "content": content}]
    (part,) = parts({"type": "tool_result", "content": content})
    assert isinstance(part, Text)
    assert not part.is_prose
    assert part.text.startswith('[{"type":"tool_result"')
