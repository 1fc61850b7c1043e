import string

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.tokens.exact import (
    count_prompt,
    count_text,
    cut_text,
    split_text,
)
from jeton.tokens.families import find_family
from jeton.tokens.prompt import Prompt

# A picture of 200 by 200 pixels: PNG signature, then the IHDR chunk with both sizes.
PNG_200 = "iVBORw0KGgoAAAANSUhEUgAAAMgAAADICAIAAAA="


def prompt(**fields: object) -> Prompt:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hello, world"}], **fields}
    return msgspec.json.decode(msgspec.json.encode(body), type=Prompt)


def test_known_texts_have_the_published_token_counts() -> None:
    # tiktoken's o200k_base: [13225, 11, 2375].
    assert count_text("Hello, world") == 3
    assert count_text("") == 0
    assert count_text("é") == 1
    # Text that looks like a special token is text.
    assert count_text("<|endoftext|>") == 7


def test_a_lone_surrogate_counts_as_a_question_mark() -> None:
    assert count_text("\ud800") == count_text("?") == 1


def test_the_frame_of_one_message_is_seven_tokens() -> None:
    assert count_prompt(prompt()) == 3 + 4 + 3


def test_system_and_tools_have_their_frames() -> None:
    assert count_prompt(prompt(system="Hello, world")) == (3 + 4 + 3) + (4 + 3)
    tool = {"name": "x"}
    assert count_prompt(prompt(tools=[tool, tool])) == 10 + 16 + 2 * (8 + count_text('{"name":"x"}'))


def test_text_blocks_count_like_the_same_text() -> None:
    blocks = [{"type": "text", "text": "Hello, world"}]
    assert count_prompt(prompt(messages=[{"role": "user", "content": blocks}])) == 10


def test_an_image_counts_by_its_size_and_an_unreadable_one_by_its_family() -> None:
    def of(data: str) -> Prompt:
        source = {"type": "base64", "media_type": "image/png", "data": data}
        return prompt(messages=[{"role": "user", "content": [{"type": "image", "source": source}]}])

    assert count_prompt(of(PNG_200)) == 7 + 64
    assert count_prompt(of("AAAA"), find_family("claude-3")) == 7 + 1568
    assert count_prompt(of("AAAA"), find_family("claude-4.7")) == 7 + 4784


@settings(deadline=None)
@given(st.text(max_size=200), st.integers(0, 60))
def test_a_cut_is_a_beginning_with_at_most_that_many_tokens(text: str, tokens_max: int) -> None:
    beginning = cut_text(text, tokens_max)
    assert text.startswith(beginning)
    assert count_text(beginning) <= tokens_max
    if count_text(text) <= tokens_max:
        assert beginning == text


@settings(deadline=None)
@given(st.text(alphabet=string.ascii_letters + " .,", min_size=1, max_size=300), st.integers(1, 20))
def test_a_cut_of_plain_english_letters_uses_every_token_it_may(text: str, tokens_max: int) -> None:
    # A token may join differently at the cut, so one or two can stay unused, never more.
    used = count_text(cut_text(text, tokens_max))
    assert min(tokens_max, count_text(text)) - used <= 2


def test_a_character_of_several_tokens_is_never_split() -> None:
    assert count_text("ᚠ") == 3
    assert cut_text("ᚠ", 2) == ""
    assert cut_text("ᚠ", 3) == "ᚠ"


@settings(deadline=None)
@given(st.text(max_size=300), st.integers(1, 8))
def test_pieces_joined_are_the_text(text: str, tokens_each: int) -> None:
    pieces = split_text(text, tokens_each)
    assert "".join(pieces) == text
    assert "" not in pieces
