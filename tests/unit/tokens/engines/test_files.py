import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.tokens.engines.files import (
    TEKKEN_PATTERN,
    TEXTS,
    byte_level_tokenizer,
    list_ranks,
    prepending_tokenizer,
    rank_file,
    sentencepiece_model,
    tekken_json,
)

from jeton.errors import ConfigurationError
from jeton.tokens.engines.files import read_tokenizer, read_tokenizers
from jeton.tokens.engines.interface import Engine
from jeton.tokens.engines.ranks import PATTERNS, WHOLE_CHARS_MAX, RanksEngine
from jeton.tokens.engines.sentencepiece_model import SentencePieceEngine
from jeton.tokens.engines.tokenizer_json import TokenizerJsonEngine

BYTE_LEVEL = byte_level_tokenizer().to_str().encode()
FILES: dict[str, bytes] = {
    "tekken": tekken_json(),
    "rank file": rank_file(50_256),
    "byte level": BYTE_LEVEL,
    "prepending": prepending_tokenizer().to_str().encode(),
    "sentencepiece": sentencepiece_model(is_prefixed=False),
    "sentencepiece with a prefix": sentencepiece_model(is_prefixed=True),
}
ENGINES = {name: read_tokenizer(content, "own") for name, content in FILES.items()}
every_engine = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


def counted(engine: Engine, text: str) -> int:
    tokens = engine.count_text(text)
    assert tokens is not None
    return tokens


def test_the_kind_of_a_file_is_found_by_what_is_in_it() -> None:
    kinds = [type(engine) for engine in ENGINES.values()]
    assert kinds == [RanksEngine] * 2 + [TokenizerJsonEngine] * 2 + [SentencePieceEngine] * 2
    assert {(engine.family_id, engine.method) for engine in ENGINES.values()} == {("own", "exact")}


def test_a_tekken_file_counts_by_its_pattern_and_without_its_special_tokens() -> None:
    engine = read_tokenizer(tekken_json(default_vocab_size=256 + 26 * 26 + 10), "own")
    # The pair that comes first in the list is joined first: t|hi|s, " "|is, then a space and two digits.
    assert counted(engine, "this is 42") == 3 + 2 + 1 + 2
    assert counted(read_tokenizer(tekken_json(default_vocab_size=256 + 10), "own"), "this is 42") == 10


@settings(deadline=None)
@given(st.text(max_size=200))
def test_ranks_count_as_tiktoken_does(text: str) -> None:
    for name, pattern, count in (("tekken", TEKKEN_PATTERN, 900), ("rank file", PATTERNS[50_256], 50_256)):
        encoding = reference(pattern, count)
        assert counted(ENGINES[name], text) == len(encoding.encode_ordinary(text))


_references: dict[int, tiktoken.Encoding] = {}


def reference(pattern: str, count: int) -> tiktoken.Encoding:
    if count not in _references:
        ranks = {token: rank for rank, token in enumerate(list_ranks(count))}
        _references[count] = tiktoken.Encoding(
            "reference", pat_str=pattern, mergeable_ranks=ranks, special_tokens={}
        )
    return _references[count]


def test_a_tokenizer_json_counts_everything_whatever_length_it_cuts_and_fills_to() -> None:
    tokenizer = byte_level_tokenizer()
    plain = len(tokenizer.encode(TEXTS[0], add_special_tokens=False).ids)
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=64)
    assert counted(read_tokenizer(tokenizer.to_str().encode(), "own"), TEXTS[0]) == plain > 4


@pytest.mark.parametrize("name", ["byte level", "sentencepiece"])
def test_pieces_count_as_the_whole(name: str) -> None:
    engine = ENGINES[name]
    assert isinstance(engine, TokenizerJsonEngine | SentencePieceEngine)
    assert engine.is_cut
    whole = type(engine)(engine.family_id, *_library_of(engine))
    text = "\n".join(TEXTS * 800)
    assert counted(engine, text) == counted(whole, text)


def _library_of(engine: TokenizerJsonEngine | SentencePieceEngine) -> tuple[object]:
    return (engine.tokenizer,) if isinstance(engine, TokenizerJsonEngine) else (engine.processor,)


def test_a_tokenizer_that_puts_a_space_before_a_text_is_not_cut() -> None:
    for name in ("prepending", "sentencepiece with a prefix"):
        assert not getattr(ENGINES[name], "is_cut")  # noqa: B009 - two types have it


@every_engine
def test_odd_texts_are_counted_and_endless_ones_declined(engine: Engine) -> None:
    assert counted(engine, "") == 0
    assert counted(engine, "\ud800") == counted(engine, "?")
    assert counted(engine, "\x00\x07\u200b😀") > 0
    for char in (" ", "a", "漢", "\n"):
        assert engine.count_text(char * (WHOLE_CHARS_MAX + 1)) is None


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "The tokenizer of own, f, is empty."),
    "half a JSON": (BYTE_LEVEL[:-9], "is damaged JSON: "),
    "another JSON": (b'{"a": 1}', "is JSON, but neither a tokenizer.json nor a tekken.json."),
    "a model of no known type": (b'{"model": {"type": "x"}}', "is no tokenizer.json: "),
    "bad base64": (tekken_json().replace(b"AA==", b"A"), "is no tekken.json: "),
    "bad pattern": (tekken_json(pattern="("), "has a pattern that cannot be used: "),
    "too few ranks": (
        rank_file(50_000),
        "for 50,256, 100,256, 199,998 ranks, so give the tokenizer.json of this vocabulary instead.",
    ),
    "a damaged rank": (
        rank_file(50_256).replace(b" 700\n", b" 7oo\n"),
        "is no .tiktoken file: line 701 is not a token and its rank.",
    ),
    "a rank twice": (
        rank_file(50_256).replace(b" 700\n", b" 701\n"),
        "does not have a rank for each byte and each rank once, so it is cut off or damaged.",
    ),
    "half a model": (FILES["sentencepiece"][:999], "is none of tokenizer.json, tekken.json, .tiktoken and"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(99), "is none of tokenizer.json, tekken.json, .tiktoken and"),
}


@pytest.mark.parametrize(("content", "sentence"), BAD.values(), ids=BAD)
def test_what_is_no_tokenizer_is_refused_in_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_tokenizers({"own": ("f", content)})
    [mistake] = caught.value.mistakes
    assert mistake.startswith("The tokenizer of own, f, ")
    assert sentence in mistake
    assert mistake.endswith(".")


def test_all_bad_files_are_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_tokenizers({"a": ("f", b""), "b": ("g", BYTE_LEVEL), "c": ("h", b"{")})
    assert [mistake.split(",")[0] for mistake in caught.value.mistakes] == [
        "The tokenizer of a",
        "The tokenizer of c",
    ]
