import csv
import time

import pytest
from tests.unit.tokens.ruled import GOLDEN, ruled_texts

from jeton.tokens.engines.claude import TEXT_CHARS_MAX, ClaudeEngine, claude_engines, claude_model_engines

pytest.importorskip("ctok", reason="ctok needs Python 3.12 by its metadata; see the extra jeton[claude]")

ENGINES = {engine.family_id: engine for engine in claude_engines()}
every_engine = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


def test_published_counts_come_without_the_frame() -> None:
    # ctok's own page: "hello, world" is 3 + 7 tokens in version 3, and 4 + 6 from 4.8 on.
    assert ENGINES["claude-3"].count_text("hello, world") == 3
    assert ENGINES["claude-4.7"].count_text("hello, world") == 4


@every_engine
def test_texts_in_every_script_are_counted_as_before(engine: ClaudeEngine) -> None:
    with (GOLDEN / "tokens.tsv").open(encoding="utf-8") as opened:
        facts = list(csv.DictReader(opened, delimiter="\t"))
    for text, fact in list(zip(ruled_texts(), facts, strict=True))[::5]:
        assert engine.count_text(text) == int(fact[engine.family_id])


def test_opus_4_7_opens_a_digit_with_one_token_more() -> None:
    own = claude_model_engines()["claude-opus-4-7"]
    later = ENGINES["claude-4.7"]
    assert own.count_text("hello, world") == later.count_text("hello, world") == 4
    assert (own.count_text("2026"), later.count_text("2026")) == (3, 2)


@every_engine
def test_odd_texts_are_counted_and_long_ones_declined(engine: ClaudeEngine) -> None:
    assert engine.count_text("") == 0
    assert (engine.count_text("\ud800\x00") or 0) > 0
    begun_s = time.process_time()
    assert engine.count_text("\n" * TEXT_CHARS_MAX) is not None
    assert engine.count_text("a" * (TEXT_CHARS_MAX + 1)) is None
    assert time.process_time() - begun_s < 1
