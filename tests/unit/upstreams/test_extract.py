import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.tokens.prompt import Prompt
from jeton.upstreams.extract import NO_MATCH, NOTHING_TO_QUOTE, PASSAGE_CHARS_MAX, answer


def ask(*contents: object, **fields: object) -> str:
    """Turns alternate, beginning with the user."""
    messages = [{"role": ("user", "assistant")[i % 2], "content": c} for i, c in enumerate(contents)]
    body = {"model": "jeton-extract-1", "messages": messages, **fields}
    return answer(msgspec.json.decode(msgspec.json.encode(body), type=Prompt))


def test_the_answer_is_a_quotation_of_the_prompt() -> None:
    text = "Rome was built by many. Paris is the capital of France. Berlin lies in Germany."
    assert ask(f"{text} What is the capital of France?") == "The text says: “Paris is the capital of France.”"


def test_words_match_without_their_endings() -> None:
    assert (
        ask("Mice are quiet. Dogs barked at night.\n\nWhich dog is barking?")
        == "The text says: “Dogs barked at night.”"
    )


def test_rare_words_weigh_more_than_common_ones() -> None:
    text = "The model is fast. The model is small. The model is licensed under Apache-2.0."
    assert ask(f"{text} How is the model licensed?").startswith(
        "The text says: “The model is licensed under Apache-2.0.”"
    )


def test_several_passages_come_in_the_order_of_the_text() -> None:
    said = ask("Holds expire. Nothing else matters. A hold settles.\nWhat about a hold?")
    assert said == "The text says: “Holds expire.” It also says: “A hold settles.”"


@pytest.mark.parametrize(
    ("contents", "fields"),
    [
        pytest.param(["How old is the tower?"], {"system": "The tower is 300 years old."}, id="system"),
        pytest.param(
            ["How old is the tower?"],
            {"system": [{"type": "text", "text": "The tower is 300 years old."}]},
            id="blocks",
        ),
        pytest.param(
            ["The tower is 300 years old.", "I see.", "How old is the tower?"], {}, id="earlier-turn"
        ),
        pytest.param(
            [
                [
                    {"type": "document", "source": {"type": "text", "data": "The tower is 300 years old."}},
                    {"type": "text", "text": "How old is the tower?"},
                ]
            ],
            {},
            id="document",
        ),
        pytest.param(
            [
                [
                    {"type": "tool_result", "tool_use_id": "t", "content": "The tower is 300 years old."},
                    {"type": "text", "text": "How old is the tower?"},
                ]
            ],
            {},
            id="tool-result",
        ),
    ],
)
def test_every_text_of_the_prompt_is_a_source(contents: list[object], fields: dict[str, object]) -> None:
    assert ask(*contents, **fields) == "The text says: “The tower is 300 years old.”"


def test_chinese_and_japanese_need_no_spaces() -> None:
    text = "日本の首都は東京です。大阪は大きい。日本の首都は何ですか？"  # noqa: RUF001 - the text is Japanese
    assert ask(text) == "The text says: “日本の首都は東京です。”"


@pytest.mark.parametrize("content", ["Hello", "Hello?", "", "\n \n", "?"])
def test_a_prompt_without_a_source_gets_an_honest_sentence(content: str) -> None:
    assert ask(content) == NOTHING_TO_QUOTE


def test_a_prompt_that_ends_with_the_model_has_the_last_user_turn_as_question() -> None:
    assert ask("Tea is hot. Is tea hot?", "Tea is") == "The text says: “Tea is hot.”"


def test_without_a_shared_word_the_text_is_introduced() -> None:
    assert ask("Summarize this:\n\nOnce there was a king.") == f"{NO_MATCH} “Once there was a king.”"


def test_the_question_itself_is_never_quoted() -> None:
    assert ask("Where is the key?", "I do not know.", "Where is the key?") == f"{NO_MATCH} “I do not know.”"


def test_a_long_passage_is_cut_between_words() -> None:
    said = ask("king " * 500 + "\n\nWho is the king?")
    assert said.endswith("king …”")
    assert len(said) < PASSAGE_CHARS_MAX + 30


def test_json_is_counted_but_not_quoted() -> None:
    call = [{"type": "tool_use", "id": "t", "name": "lookup", "input": {"tower": "The tower is old."}}]
    assert "{" not in ask("Look.", call, "How old is the tower?")


@settings(deadline=None)
@given(st.lists(st.text(max_size=80), min_size=1, max_size=5))
def test_the_same_prompt_always_gets_the_same_answer(contents: list[str]) -> None:
    said = ask(*contents)
    assert said == ask(*contents)
    assert said.startswith(("The text says: “", NO_MATCH, NOTHING_TO_QUOTE))


@pytest.mark.parametrize("junk", ["a", " ", ".", "\n", '."', "漢字", "? ", "x. "])
def test_junk_costs_time_in_proportion_to_its_length(junk: str) -> None:
    # Quadratic work would take minutes here.
    assert ask(junk * (400_000 // len(junk)))
