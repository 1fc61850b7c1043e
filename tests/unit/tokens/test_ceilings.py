"""A family's ceiling of tokens per byte holds for any bytes: facts that its proof uses, and a search."""

import unicodedata
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jeton.tokens.engines.packaged import packaged_engines
from jeton.tokens.families import find_family, load_facts

SURROGATES = range(0xD800, 0xE000)
CHARACTERS = [chr(point) for point in range(0x110000) if point not in SURROGATES]
# Scripts and oddities, a few characters of each, so that a search mixes what never stands together.
ODD = (
    "aZ.' \n\t\x00\x1f\x7f0٣Ⅻ½éẞİȺȾßǅΣςϴЖשؠܐक़অাไทยខᄀ각漢々〇ーヲ、。"
    "\uff09\uff08\ufdd0\ufffd\u0301\u0344\u0958\u0f43\ufb2c\u2adc\u200d\u00ad\ufe0f\u20e3👩🏽🇩🇪𝅘𝅥𝅮𝅘𝅥𝅲𐐀𝔘𒀀\U000e0041\u2028\u3000—«…┃😀"
)
characters = st.one_of(st.sampled_from(ODD), st.characters(codec="utf-8"), st.characters(max_codepoint=0x7F))
texts = st.one_of(
    st.text(characters, max_size=60),
    # Density shows in what is repeated.
    st.text(characters, min_size=1, max_size=4).map(lambda text: text * 50),
)


def utf8(text: str) -> int:
    return len(text.encode())


def grown() -> list[str]:
    return [c for c in CHARACTERS if utf8(unicodedata.normalize("NFC", c)) > utf8(c)]


def test_lower_case_is_longer_for_three_letters_only() -> None:
    assert [c for c in CHARACTERS if sum(utf8(x.lower()) for x in c) > utf8(c)] == ["İ", "Ⱥ", "Ⱦ"]


def test_composing_two_characters_never_makes_them_longer() -> None:
    for c in CHARACTERS:
        parts = unicodedata.decomposition(c).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            assert utf8(c) <= sum(utf8(chr(int(part, 16))) for part in parts) or c in grown()


def test_normalization_grows_by_no_more_than_the_proof_allows() -> None:
    """A word costs its bytes and 2.2, any other character its bytes and 0.8, and 3.2 a byte pays for it."""
    ceiling = Fraction(16, 5)
    assert len(grown()) >= 92
    for c in grown():
        parts = unicodedata.normalize("NFC", c)
        if utf8(c) == 4:
            # Beyond the basic plane Claude knows no words: what comes out stands alone.
            assert all(utf8(part) == 4 for part in parts)
            assert utf8(parts) + Fraction(4, 5) <= ceiling * 4
        else:
            # At most a word, and a mark that ends it.
            assert utf8(parts) + Fraction(11, 5) + Fraction(4, 5) * (utf8(c) == 3) <= ceiling * utf8(c)


def test_the_ceilings_are_the_proved_ones() -> None:
    assert {family_id: family.tokens_per_byte for family_id, family in load_facts().families.items()} == {
        "o200k": 1,
        "cl100k": 1,
        "tekken": 1,
        "claude-3": Fraction(16, 5),
        "claude-4.7": Fraction(16, 5),
    }


@settings(max_examples=400, deadline=None)
@given(texts)
def test_byte_pair_encoding_never_makes_more_tokens_than_bytes(text: str) -> None:
    for engine in packaged_engines():
        tokens = engine.count_text(text)
        assert tokens <= utf8(text)
        family = find_family(engine.family_id)
        assert family is not None
        assert tokens <= utf8(text) * family.tokens_per_byte


@pytest.mark.skipif(find_spec("ctok") is None, reason="needs the package that rebuilds Claude's tokenizers")
@settings(max_examples=400, deadline=None)
@example("Ⱥ." * 100)
@example("\U0001d160" * 100)
@example("\U0001d160Ⱥ" * 100)
@example("\n" * 100)
@example("'")
@given(texts)
def test_claude_stays_below_its_ceiling(text: str) -> None:
    ctok = import_module("ctok")
    for version, family_id in (("3.0", "claude-3"), ("4.7", "claude-4.7"), ("4.8", "claude-4.7")):
        family = find_family(family_id)
        assert family is not None
        allowed = utf8(text) * family.tokens_per_byte + family.prompt_tokens_max + family.message_tokens_max
        assert ctok.token_count(text, version=version) <= allowed
        # The frame is 11 at most; the rest of a single message's constants is the proof's own 3.
        assert ctok.token_count(text, version=version) <= utf8(text) * family.tokens_per_byte + 14
