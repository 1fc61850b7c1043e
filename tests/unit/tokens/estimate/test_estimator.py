import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.errors import ConfigurationError
from jeton.tokens.estimate import ESTIMATED_FAMILIES, Estimator, load_estimator
from jeton.tokens.estimate.calibration import parse_calibration
from jeton.tokens.estimate.reading import read_as_claude
from jeton.tokens.estimate.weighing import PIECE_CHARS, weigh
from jeton.tokens.exact import count_text
from jeton.tokens.families import find_family

ENGLISH = (
    "The price of a request is known before it is sent. Tokens are counted, multiplied by what a million "
    "of them costs, and rounded once; what was held and not used goes back to the balance.\n"
)
CODE = (
    "def settle(hold: Hold, usage: Usage) -> Charge:\n    return Charge(hold.id, rate(usage, hold.price))\n"
)
RUSSIAN = "Цена запроса известна до того, как он отправлен: токены сосчитаны заранее.\n"
# Read before any test's time is taken.
ESTIMATORS = {family: load_estimator(family) for family in ESTIMATED_FAMILIES}
JAPANESE = "リクエストの価格は、送信される前にわかっています。トークンは事前に数えられます。\n"


def load(family: str) -> Estimator:
    estimator = ESTIMATORS[family]
    assert estimator is not None
    return estimator


@pytest.mark.parametrize("family", ESTIMATED_FAMILIES)
@given(text=st.text())
def test_the_interval_holds_the_value_and_stays_under_the_ceiling(family: str, text: str) -> None:
    count = load(family).estimate(text)
    known = find_family("claude-4.7" if family == "claude-5" else family)
    assert known is not None
    ceiling = int(known.tokens_per_byte * len(text.encode("utf-8", "surrogatepass")))
    assert 0 <= count.low <= count.value <= count.high <= ceiling


@pytest.mark.parametrize("text", [ENGLISH * 4, CODE * 6, RUSSIAN * 5, JAPANESE * 5])
def test_an_estimate_is_near_the_count_and_below_the_upper_limit(text: str) -> None:
    count = load("o200k").estimate(text)
    truth = count_text(text)
    assert abs(Fraction(count.value, truth) - 1) < Fraction(1, 8)
    assert count.low <= truth <= count.high


def test_a_count_says_how_it_was_found() -> None:
    count = load("claude-5").estimate("hello")
    assert (count.method, count.family) == ("estimated", "claude-5")
    assert count.calibration == load("claude-4.7").calibration.calibration_id
    assert len(count.calibration) == 16


def test_a_family_without_calibration_has_no_estimator() -> None:
    assert load_estimator("unheard-of") is None


@pytest.mark.parametrize("family", ["o200k", "claude-4.7"])
@given(text=st.text() | st.text(st.sampled_from("ab \n.,(1é漢Жก😀"), max_size=300))
def test_what_is_guessed_is_the_same_picked_out_or_by_running_totals(family: str, text: str) -> None:
    tables = load(family).calibration.tables
    assert weigh(text, tables, sparse=0) == weigh(text, tables, sparse=1 << 30)


@pytest.mark.parametrize("text", [ENGLISH, CODE, RUSSIAN, JAPANESE])
def test_a_long_text_weighs_what_its_pieces_do(text: str) -> None:
    estimator = load("claude-3")
    times = PIECE_CHARS // len(text)
    one, three = (estimator.estimate(text * times * pieces).value for pieces in (1, 3))
    assert abs(three - 3 * one) <= 8


def test_bytes_are_read_as_utf_8() -> None:
    estimator = load("o200k")
    assert estimator.estimate("naïve".encode()) == estimator.estimate("naïve")
    assert estimator.estimate(b"\xff\xfe") == estimator.estimate("\ufffd\ufffd")


def test_claude_reads_every_space_as_one_and_no_carriage_return() -> None:
    estimator = load("claude-4.7")
    plain = estimator.estimate("one two\nthree")
    assert estimator.estimate("one\u00a0two\r\nthree").value == plain.value
    long = "one two\nthree " * 1000
    assert estimator.estimate(long.replace("\n", "\r\n")).value == estimator.estimate(long).value


def test_claude_reads_composed_characters() -> None:
    estimator = load("claude-3")
    assert estimator.estimate("cafe\u0301").value == estimator.estimate("café").value
    assert estimator.estimate("\u0958लम").value == estimator.estimate("\u0915\u093cलम").value


@given(st.text() | st.text(st.sampled_from("e\u0301\u0958क\u093cᄒ\u1161\u11a8 \u0e01\u0e33"), max_size=20))
def test_claude_reads_nothing_twice(text: str) -> None:
    read = read_as_claude(text.encode("utf-8", "surrogatepass"))
    assert read_as_claude(read) is read


@pytest.mark.parametrize("size", [10, 10_000])
def test_claude_reads_no_control_character_but_tabs_and_line_feeds(size: int) -> None:
    assert read_as_claude(b"a\x00\tb\nc\r\x1b\x7fd" * size) == b"a\x00\tb\ncd" * size


def test_nothing_is_no_token() -> None:
    count = load("o200k").estimate("")
    assert (count.low, count.value, count.high) == (0, 0, 0)


@pytest.mark.parametrize("character", ["\0", "a", " ", "\n", "=", "0", "漢", "😀", "\ud800"])
def test_a_run_of_one_character_grows_in_proportion(character: str) -> None:
    estimator = load("claude-4.7")
    one, two = (estimator.estimate(character * PIECE_CHARS * times).value for times in (2, 4))
    assert abs(two - 2 * one) <= 64


def test_a_run_too_long_to_be_fitted_is_never_taken_for_a_short_one() -> None:
    """Its hash fell together with another's in one run of 256: 3,000 zeros were 3 tokens, and are 1,001."""
    for digit in "0123456789":
        count = load("claude-4.7").estimate(digit * 3_000)
        assert count.value > 500
        assert count.high >= 1_001


@pytest.mark.parametrize("text", ["=" * 150, "-" * 80 + "\n" + "*" * 80, "{\n" + " " * 140 + "}"])
def test_the_limit_of_white_space_and_of_rulers_is_near_their_estimate(text: str) -> None:
    """They are fitted by rule; anything else so long may be as dear as the ceiling."""
    for family in ESTIMATED_FAMILIES:
        count = load(family).estimate(text)
        assert count.high <= 1.6 * count.value + 8


def test_a_script_that_was_never_fitted_may_be_anything_up_to_the_ceiling() -> None:
    estimator = load("claude-4.7")
    runic = "ᚠᚢᚦᚨᚱᚲ" * 50
    assert estimator.estimate(runic).high == int(Fraction(16, 5) * len(runic.encode()))


@pytest.mark.parametrize(
    ("family", "english", "code"),
    [("o200k", 4100, 2763), ("claude-3", 4400, 3412), ("claude-4.7", 5500, 4770)],
)
def test_the_same_text_is_the_same_integer_everywhere(family: str, english: int, code: int) -> None:
    estimator = load(family)
    assert [estimator.estimate(text).value for text in (ENGLISH * 100, CODE * 100)] == [english, code]


def test_a_text_by_rule_is_the_same_integer_everywhere() -> None:
    rule = random.Random(3)  # noqa: S311 (a text by rule, no secret)
    text = "".join(
        chr(rule.choice((rule.randrange(32, 127), rule.randrange(0x80, 0xD800)))) for _ in range(20_000)
    )
    assert [load(family).estimate(text).value for family in ("o200k", "claude-3", "claude-4.7")] == [
        26077,
        30017,
        30811,
    ]


def test_what_is_no_calibration_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"not a \.tokcal file"):
        parse_calibration(b"{}\n")
