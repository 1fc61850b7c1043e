import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.tokens.engines.files import byte_level_tokenizer

from jeton.errors import ConfigurationError
from jeton.pricing.loading import load_book
from jeton.tokens import exact
from jeton.tokens.count import Count, Method
from jeton.tokens.counter.conversation import Conversation
from jeton.tokens.counter.counting import REBUILT_CHARS_MAX, Counter, bound_text, load_counter
from jeton.tokens.engines.packaged import packaged_engines
from jeton.tokens.families import find_family
from jeton.tokens.prompt import Prompt

PNG_200 = "iVBORw0KGgoAAAANSUhEUgAAAMgAAADICAIAAAA="
LONG = "All prices are in dollars for a million tokens, and each is a dated fact. " * 3


@dataclass
class Rebuilt:
    """Stands in for ctok: a token for every three characters, and it remembers what it was asked."""

    family_id: str = "claude-3"
    method: Literal["reconstructed"] = "reconstructed"
    asked: list[str] = field(default_factory=list)

    def count_text(self, text: str) -> int | None:
        self.asked.append(text)
        return len(text) // 3 if len(text) < 10_000 else None


class Estimator:
    """Stands in for a calibration: a token for every four characters, give or take a tenth."""

    def estimate(self, text: str) -> Count:
        value = len(text) // 4 + 1
        return Count(value, value * 9 // 10, -(-value * 11 // 10), "estimated", "claude-3", "calibration")


def find_nothing(_family_id: str) -> None:
    return None


def find_claude(family_id: str) -> Estimator | None:
    return Estimator() if family_id == "claude-3" else None


def prompt(*contents: object, **fields: object) -> Prompt:
    messages = [
        {"role": ("user", "assistant")[number % 2], "content": content}
        for number, content in enumerate(contents)
    ]
    body = {"model": "m", "messages": messages, **fields}
    return msgspec.json.decode(json.dumps(body).encode(), type=Prompt)


def source_block(kind: str, **source: str) -> list[dict[str, object]]:
    return [{"type": kind, "source": source}]


def test_the_surest_method_is_taken() -> None:
    counter = Counter([*packaged_engines(), Rebuilt("claude-4.7")], find_estimator=find_claude)
    families = ("o200k", "claude-4.7", "claude-3", "unheard-of")
    methods: list[Method] = ["exact", "reconstructed", "estimated", "bounded"]
    assert [counter.can_count(family) for family in families] == methods
    assert [counter.count_text(LONG, family).method for family in families] == methods
    assert {counter.count_text(LONG, family).family for family in families} == set(families)


def test_a_demoted_family_is_estimated_from_then_on() -> None:
    counter = Counter([Rebuilt()], find_estimator=find_claude)
    assert counter.count_text(LONG, "claude-3").value == len(LONG) // 3
    counter.demotion.demote("claude-3")
    assert counter.can_count("claude-3") == "estimated"
    assert counter.count_text(LONG, "claude-3") == Estimator().estimate(LONG)


def test_a_text_that_an_engine_declines_is_estimated_and_without_an_estimate_bounded() -> None:
    text = "a" * 10_000
    assert Counter([Rebuilt()], find_estimator=find_claude).count_text(text, "claude-3").method == "estimated"
    bounded = Counter([Rebuilt()], find_estimator=find_nothing).count_text(text, "claude-3")
    assert bounded == bound_text(text, "claude-3")
    assert bounded.method == "bounded"


def test_a_ceiling_is_the_bytes_times_what_the_family_makes_of_one() -> None:
    claude = find_family("claude-3")
    assert claude is not None
    assert claude.tokens_per_byte == Fraction(16, 5)
    assert bound_text("é€", "claude-3") == Count(16, 0, 16, "bounded", "claude-3", "")
    assert bound_text("é€", "o200k").high == 5
    assert bound_text("é€", "unheard-of").high == 16
    assert bound_text("\ud800", "o200k").high == 1


contents = st.lists(
    st.one_of(
        st.text(max_size=200), st.just(LONG), st.just(source_block("image", type="base64", data=PNG_200))
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)
@given(contents, st.one_of(st.none(), st.text(max_size=100)), st.lists(st.just({"name": "x"}), max_size=2))
def test_what_this_process_answers_is_counted_as_it_reports(
    turns: list[object], system: str | None, tools: list[object]
) -> None:
    counter = Counter(packaged_engines(), find_estimator=find_nothing)
    asked = prompt(*turns, system=system, tools=tools)
    count = counter.count_prompt(asked, "o200k")
    assert count.value == count.low == count.high == exact.count_prompt(asked, find_family("o200k"))
    assert count.method == "exact"


def test_documents_of_our_own_engine_are_counted_as_it_reports() -> None:
    counter = Counter(packaged_engines(), find_estimator=find_nothing)
    for block in (
        source_block("document", type="url", url="https://example.com/a.pdf"),
        source_block("document", type="base64", media_type="application/pdf", data="JVBERi0="),
        source_block("image", type="url", url="https://example.com/a.png"),
    ):
        assert counter.count_prompt(prompt(block), "o200k").value == exact.count_prompt(prompt(block))


def test_a_rebuilt_prompt_is_so_only_where_its_frame_is_known() -> None:
    counter = Counter([Rebuilt()], find_estimator=find_claude)
    # One message of Claude 3 has a frame of 7 tokens.
    one = counter.count_prompt(prompt("abcdef"), "claude-3")
    assert one == Count(2 + 7, 2 + 7, 2 + 7, "reconstructed", "claude-3", "")
    two = counter.count_prompt(prompt("abcdef", "abc", "abc"), "claude-3")
    assert two.method == "estimated"
    assert two.low < two.value < two.high


def test_images_and_documents_widen_the_limits_only_where_they_are_unknown() -> None:
    counter = Counter([Rebuilt()], find_estimator=find_claude)
    image = counter.count_prompt(prompt(source_block("image", type="base64", data=PNG_200)), "claude-3")
    assert (image.low, image.value, image.high) == (71, 71, 71)
    fetched = counter.count_prompt(prompt(source_block("image", type="url", url="https://a")), "claude-3")
    assert (fetched.low, fetched.high) == (8, 1568 + 7)
    page = {"type": "base64", "media_type": "application/pdf", "data": "%%%"}
    for source in (page, {"type": "url", "url": "https://a"}):
        document = counter.count_prompt(prompt(source_block("document", **source)), "claude-3")
        assert document.method == "estimated"
        assert document.low < document.value < document.high


@settings(deadline=None)
@given(st.lists(st.sampled_from(["", "ab", LONG, LONG * 2, LONG * 200, "é" * 80]), min_size=1, max_size=8))
def test_what_is_remembered_changes_no_number(turns: list[str]) -> None:
    for family, find in (("o200k", find_nothing), ("claude-3", find_claude)):
        engines = (*packaged_engines(), Rebuilt())
        fresh = Counter(engines, find_estimator=find, conversation=Conversation(entries_max=0))
        remembering = Counter(engines, find_estimator=find)
        for end in range(1, len(turns) + 1):
            grown = prompt(*turns[:end])
            count = remembering.count_prompt(grown, family)
            assert count == remembering.count_prompt(grown, family) == fresh.count_prompt(grown, family)


def test_a_turn_that_is_added_is_all_that_is_counted() -> None:
    engine = Rebuilt()
    counter = Counter([engine], find_estimator=find_claude)
    turns = [f"{number} {LONG}" for number in range(20)]
    counter.count_prompt(prompt(*turns), "claude-3")
    engine.asked.clear()
    counter.count_prompt(prompt(*turns, "a new " + LONG), "claude-3")
    assert engine.asked == ["a new " + LONG]


def test_a_model_may_have_an_engine_of_its_own() -> None:
    own = Rebuilt()
    counter = Counter([Rebuilt()], find_estimator=find_claude, model_engines={"claude-own": own})
    asked = prompt(LONG)
    counter.count_prompt(asked, "claude-3")
    assert own.asked == []
    asked.model = "claude-own"
    assert counter.count_prompt(asked, "claude-3").method == "reconstructed"
    assert own.asked == [LONG]
    counter.demotion.demote("claude-3")
    assert counter.count_prompt(asked, "claude-3").method == "estimated"


def test_a_prompt_too_long_to_rebuild_is_estimated_as_a_whole() -> None:
    engine = Rebuilt()
    counter = Counter([engine], find_estimator=find_claude)
    count = counter.count_prompt(prompt("a" * 9_000, "b" * (REBUILT_CHARS_MAX - 8_999)), "claude-3")
    assert engine.asked == []
    assert count.calibration == "calibration"


def test_the_family_of_every_model_of_the_price_book_is_known_and_counted() -> None:
    book = load_book()
    families = {version.family for version in book.versions}
    assert len(book.models()) >= 27
    counter = load_counter(find_estimator=find_nothing)
    for family in families:
        assert find_family(family) is not None
        assert counter.count_text("Hello, world", family).value > 0


def test_an_operator_names_a_tokenizer_for_a_family(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    byte_level_tokenizer().save(str(file))
    counter = load_counter({"qwen": file, "o200k": file}, find_estimator=find_nothing)
    assert counter.can_count("qwen") == "exact"
    assert counter.count_text(LONG, "qwen") == counter.count_text(LONG, "qwen")
    # What an operator names wins over what is packaged.
    assert counter.count_text(LONG, "o200k").value == counter.count_text(LONG, "qwen").value
    assert counter.count_text(LONG, "cl100k").value < counter.count_text(LONG, "qwen").value


def test_every_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.json"
    with pytest.raises(ConfigurationError) as caught:
        load_counter({"a": missing, "b": tmp_path}, find_estimator=find_nothing)
    assert list(caught.value.mistakes) == [
        f"The tokenizer of a, {missing}, cannot be read: No such file or directory.",
        f"The tokenizer of b, {tmp_path}, cannot be read: Is a directory.",
    ]


ODD: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "a surrogate": lambda: "\udc80" * 100,
    "one character": lambda: "a" * 5_000_000,
    "one line": lambda: "word " * 1_000_000,
    "spaces": lambda: " " * 5_000_000,
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_odd_texts_take_bounded_time_by_every_method(make: Callable[[], str]) -> None:
    text = make()
    counter = Counter([*packaged_engines(), Rebuilt()], find_estimator=find_nothing)
    for family in ("o200k", "cl100k", "claude-3", "unheard-of"):
        begun_s = time.process_time()
        count = counter.count_text(text, family)
        assert 0 <= count.low <= count.value <= count.high
        assert time.process_time() - begun_s < 3
