import csv
import hashlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.tokens.ruled import GOLDEN, ruled_texts

from jeton.tokens.engines.packaged import (
    RULER_CHARS,
    RULER_TOKEN_CHARS,
    RULERS,
    PackagedEngine,
    packaged_engines,
    shorten_rulers,
)

ENGINES = {engine.family_id: engine for engine in packaged_engines()}
every_engine = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
LONGEST_TOKEN = 200


@every_engine
def test_texts_in_every_script_have_the_tokens_that_tiktoken_counts(engine: PackagedEngine) -> None:
    # Counted once by tiktoken 0.14.0 with its own published vocabularies.
    with (GOLDEN / "tokens.tsv").open(encoding="utf-8") as opened:
        facts = list(csv.DictReader(opened, delimiter="\t"))
    for text, fact in zip(ruled_texts(), facts, strict=True):
        assert hashlib.sha256(text.encode()).hexdigest().startswith(fact["sha256"])
        assert engine.count_text(text) == int(fact[engine.family_id])


@every_engine
def test_a_lone_surrogate_counts_as_a_question_mark(engine: PackagedEngine) -> None:
    assert engine.count_text("\ud800") == engine.count_text("?") == 1
    long = "word " * 10_000
    assert engine.count_text(long + "\udfff" + long) == engine.count_text(long + "?" + long)


def lengths_and_neighbours(engine: PackagedEngine, char: str) -> dict[int, list[int]]:
    """For each token that is a run of ``char``, the runs that may stand behind it."""
    encode, decode = engine.vocabulary.encode, engine.vocabulary.decode

    def cut(length: int) -> list[int]:
        return [len(decode([token]) or "") for token in encode(char * length)]

    lengths = [length for length in range(1, LONGEST_TOKEN) if len(encode(char * length)) == 1]
    return {first: [then for then in lengths if cut(first + then) == [first, then]] for first in lengths}


@every_engine
@pytest.mark.parametrize("char", RULERS)
def test_the_middle_of_a_ruler_can_only_be_tokens_of_one_length(engine: PackagedEngine, char: str) -> None:
    """What ``shorten_rulers`` stands on: a chain of runs has each length once, but 64 any number of times."""
    behind = lengths_and_neighbours(engine, char)
    assert RULER_TOKEN_CHARS in behind[RULER_TOKEN_CHARS]
    finished: set[int] = set()
    left = set(behind)
    while left:
        # Without a way back, there is always a length behind which only finished ones and itself stand.
        ready = {
            length
            for length in left
            if set(behind[length]) - finished <= ({length} if length == RULER_TOKEN_CHARS else set())
        }
        assert ready
        finished |= ready
        left -= ready
    # Both ends, and the two in the middle, between which more may be put.
    assert 2 * sum(behind) + 2 * RULER_TOKEN_CHARS < RULER_CHARS


around = st.text(st.sampled_from(' \n-=*/#|.ab1"é'), max_size=12)


@every_engine
@settings(deadline=None, max_examples=40)
@given(around, st.sampled_from(RULERS), st.integers(1, 3 * RULER_CHARS), around)
def test_a_ruler_counts_the_same_shortened(
    engine: PackagedEngine, before: str, char: str, length: int, after: str
) -> None:
    text = before + char * length + after
    assert engine.count_text(text) == engine.vocabulary.count(text)


def test_only_what_is_too_long_of_a_ruler_is_left_out() -> None:
    text = "a " + "-" * (RULER_CHARS + 130) + " b"
    assert shorten_rulers(text) == ("a " + "-" * (RULER_CHARS + 2) + " b", 2)
    assert shorten_rulers("=" * RULER_CHARS) == ("=" * RULER_CHARS, 0)


@every_engine
@pytest.mark.parametrize("char", ["a", " ", "\n", "\t", "-", "=", "*", "/", "#", "0", "漢", "😀", "\u0301"])
def test_a_megabyte_of_one_character_takes_less_than_a_second(engine: PackagedEngine, char: str) -> None:
    text = char * (1_000_000 // len(char.encode()))
    begun_s = time.process_time()
    tokens = engine.count_text(text)
    assert 0 < tokens <= 1_000_000
    assert time.process_time() - begun_s < 1


@every_engine
@settings(deadline=None)
@given(st.text(max_size=400), st.integers(0, 400))
def test_what_is_appended_at_a_word_costs_only_itself(engine: PackagedEngine, text: str, at: int) -> None:
    first, rest = text[:at] + "word", " then " + text[at:]
    assert engine.count_text(first + rest) == engine.count_text(first) + engine.count_text(rest)
