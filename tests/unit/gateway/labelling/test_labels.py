"""Labels of a request: what they may be, what is refused and how, and what is stored of end users."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from jeton.gateway.errors import InvalidRequestError
from jeton.gateway.labelling.reading import Labelling, read_labels, read_tag
from jeton.gateway.openai.request import parse_chat, translate_chat
from jeton.gateway.parsing import parse_messages, read_head
from jeton.metering.labels import Labels

VERSION = "2023-06-01"
OURS, THEIRS = UUID(int=1), UUID(int=2)
MESSAGE = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}


def labels(*, tag: bytes = b"", labelling: Labelling | None = None, **body: Any) -> Labels:  # noqa: ANN401 - JSON of any shape
    head = read_head([(b"jeton-tag", tag)] if tag else [])
    request = parse_messages(msgspec.json.encode({**MESSAGE, **body}), VERSION)
    return read_labels(head, request, OURS, labelling=labelling or Labelling())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ""),
        ({"metadata": None}, ""),
        ({"metadata": {}}, ""),
        ({"metadata": {"user_id": None}}, ""),
        ({"metadata": {"user_id": ""}}, ""),
        ({"metadata": {"user_id": "customer-17", "more": [1]}}, "customer-17"),
        ({"metadata": {"user_id": "Zoë Ω <b>"}}, "Zoë Ω <b>"),
        ({"metadata": {"user_id": "u" * 256}}, "u" * 256),
    ],
    ids=["none", "null", "empty", "null-id", "empty-id", "id", "any-letters", "longest"],
)
def test_the_end_user_is_that_of_the_metadata(body: dict[str, Any], expected: str) -> None:
    assert labels(**body) == Labels(expected)


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        (
            {"user_id": "u" * 257},
            "metadata.user_id: at most 256 characters are allowed, got 257; send a shorter",
        ),
        ({"user_id": "a\u0000b"}, "metadata.user_id: only printable characters"),
        ({"user_id": "a\nb"}, "metadata.user_id: only printable characters"),
        ({"user_id": " a"}, "no space at either end"),
        ({"user_id": 17}, "metadata.user_id: Expected `str | null`, got `int`"),
        ("x", "metadata: Expected `object | null`, got `str`"),
    ],
    ids=["long", "nul", "line", "space", "number", "no-object"],
)
def test_an_end_user_that_cannot_be_kept_is_refused(metadata: object, sentence: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        labels(metadata=metadata)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("tag", ["search", "team:blue/chat", "a", "a.b_c@d+e=f-g", "7" * 64])
def test_a_tag_is_that_of_the_header(tag: str) -> None:
    assert labels(tag=tag.encode()) == Labels("", tag)


@pytest.mark.parametrize(
    ("tag", "sentence"),
    [
        ("t" * 65, "jeton-tag: at most 64 characters are allowed, got 65; send a shorter tag"),
        ("two words", "jeton-tag: only letters, digits and . _ : / @ + = - are allowed"),
        ("-x", "the first of them a letter or a digit"),
        ("größe", "of ASCII"),
        ("=1+1", "leave the header out"),
    ],
    ids=["long", "space", "begins", "ascii", "formula"],
)
def test_a_tag_that_cannot_be_kept_is_refused(tag: str, sentence: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        read_tag(tag)
    assert sentence in str(refused.value)


def test_the_end_user_of_a_chat_completion_is_the_same() -> None:
    both = {"safety_identifier": "s", "user": "u"}
    for given, expected in (({"user": "u"}, "u"), (both, "s"), ({}, "")):
        body = {"model": "m", "messages": [{"role": "user", "content": "x"}], **given}
        chat = translate_chat(parse_chat(msgspec.json.encode(body)), 100)
        request = parse_messages(chat.body, VERSION)
        assert read_labels(read_head([]), request, OURS, labelling=Labelling()) == Labels(expected)


def test_what_is_stored_of_an_end_user_can_be_a_hash_or_nothing() -> None:
    """The expected hash is one of openssl dgst -sha256 -hmac, of id, line break and name."""
    metadata = {"user_id": "customer-17"}
    hashed = Labelling("hashed", "k" * 32)
    expected = "hash_ca46232f8f49acbbc399f85e7567d22a"
    assert labels(metadata=metadata, tag=b"t", labelling=hashed) == Labels(expected, "t")
    assert hashed.name("customer-17", THEIRS) != expected
    assert hashed.name("", OURS) == ""
    assert labels(metadata=metadata, tag=b"t", labelling=Labelling("off")) == Labels("", "t")
