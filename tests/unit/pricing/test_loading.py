from pathlib import Path

import pytest

from jeton.errors import ConfigurationError
from jeton.pricing.loading import FILE_BYTES_MAX, PriceFile, load_book, parse_book
from jeton.usage import Bucket

GOOD = """\
[models.house-1]
display_name = "House 1"
family = "o200k"
created_on = 2026-01-01
max_input_tokens = 1000
max_output_tokens = 100

[[models.house-1.versions]]
from_on = 2026-01-01
until_on = 2026-06-01
web_search_per_1000 = "10"

[[models.house-1.versions.bands]]
up_to_prompt_tokens = 500
standard = { input = "1", cache_write_5m = "1.25", cache_write_1h = "2", cache_read = "0.1", output = "5" }
batch = { factor = "0.5" }

[[models.house-1.versions.bands]]
standard = { input = "2", cache_write_5m = "2.5", cache_write_1h = "4", cache_read = "0.2", output = "10" }
batch = { input = "1.5", output = "9" }

[[models.house-1.versions]]
from_on = 2026-06-01
web_search_per_1000 = "10"

[[models.house-1.versions.bands]]
standard = { input = "1", cache_write_5m = "1.25", cache_write_1h = "2", cache_read = "0.1", output = "5" }
"""


def mistakes_in(text: str | bytes) -> tuple[str, ...]:
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ConfigurationError) as caught:
        parse_book([PriceFile("house.toml", content)])
    return caught.value.mistakes


def test_a_good_file_becomes_a_book() -> None:
    book = parse_book([PriceFile("house.toml", GOOD.encode())])
    assert [version.price_version_id for version in book.versions] == [
        "house-1@2026-01-01",
        "house-1@2026-06-01",
    ]
    bands = book.versions[0].bands
    assert [band.band_id for band in bands] == ["prompt<=500", "prompt>500"]
    assert bands[0].rates[Bucket.CACHE_WRITE_5M] == 1_250_000_000


ONE_MISTAKE = [
    pytest.param(
        "from_on = 2026-06-01", "from_on = 2026-07-01",
        "house.toml:23: gap: no version is in force from 2026-06-01 until 2026-07-01; let this one begin on"
        " 2026-06-01.",
        id="gap",
    ),
    pytest.param(
        "from_on = 2026-06-01", "from_on = 2026-05-01",
        "house.toml:23: overlap: two versions are in force from 2026-05-01 until 2026-06-01; end the earlier"
        " one with until_on = 2026-05-01.",
        id="overlap",
    ),
    pytest.param(
        "until_on = 2026-06-01\n", "\n",
        "house.toml:23: overlap: the version from 2026-01-01 has no until_on, so it is in force with this one"
        " from 2026-06-01; end it with until_on = 2026-06-01.",
        id="overlap without an end",
    ),
    pytest.param(
        "from_on = 2026-06-01", "from_on = 2026-01-01",
        "house.toml:23: duplicate date: two versions are in force from 2026-01-01.",
        id="duplicate date",
    ),
    pytest.param(
        "until_on = 2026-06-01", "until_on = 2025-06-01",
        "house.toml:10: until_on is 2025-06-01; it must come after from_on, 2026-01-01.",
        id="an end before the start",
    ),
    pytest.param(
        'input = "2"', 'input = "-2"',
        "house.toml:19: input is -2: it must not be negative.",
        id="negative price",
    ),
    pytest.param(
        'factor = "0.5"', 'factor = "-0.5"',
        "house.toml:16: factor is -0.5: it must not be negative.",
        id="negative factor",
    ),
    pytest.param(
        'input = "2"', "input = 2.0",
        'house.toml:19: input must be a decimal in quotes such as "2.50", never a bare number.',
        id="float instead of text",
    ),
    pytest.param(
        'input = "2"', 'input = "1e3"',
        "house.toml:19: input is '1e3', not a plain decimal such as \"2.50\".",
        id="exponent",
    ),
    pytest.param(
        'input = "2"', 'input = "two"',
        "house.toml:19: input is 'two', not a plain decimal such as \"2.50\".",
        id="not a number",
    ),
    pytest.param(
        'input = "2"', 'input = "0.0000000001"',
        "house.toml:19: input: The amount '0.0000000001' has more than 9 decimals of a dollar.",
        id="finer than a nano",
    ),
    pytest.param(
        'display_name = "House 1"', 'display_nam = "House 1"\ndisplay_name = "House 1"',
        "house.toml:2: unknown key display_nam; known here are aliases, created_on, deprecated_on,"
        " display_name, family, line, max_input_tokens, max_output_tokens, retires_on, versions.",
        id="unknown key of a model",
    ),
    pytest.param(
        'batch = { factor = "0.5" }', 'batch = { factor = "0.5", ouput = "1" }',
        "house.toml:16: unknown key ouput; known here are cache_read, cache_write_1h, cache_write_5m, factor,"
        " input, output.",
        id="unknown key of a condition",
    ),
    pytest.param(
        "max_input_tokens = 1000\n", "",
        "house.toml:1: the key max_input_tokens is missing.",
        id="missing key",
    ),
    pytest.param(
        "max_input_tokens = 1000", 'max_input_tokens = "1000"',
        "house.toml:5: max_input_tokens must be a whole number from 1 on.",
        id="wrong type",
    ),
    pytest.param(
        "max_input_tokens = 1000", "max_input_tokens = true",
        "house.toml:5: max_input_tokens must be a whole number from 1 on.",
        id="a truth value is no count",
    ),
    pytest.param(
        "created_on = 2026-01-01", "created_on = 2026-01-01T00:00:00Z",
        "house.toml:4: created_on must be a date such as 2026-10-07, without quotes or a time.",
        id="a time is no date",
    ),
    pytest.param(
        'family = "o200k"', 'family = "o300k"',
        "house.toml:3: family is 'o300k', not one of cl100k, claude-3, claude-4.7, o200k, tekken, nor "
        "custom-NAME for a tokenizer of your own.",
        id="unknown tokenizer family",
    ),
    pytest.param(
        "up_to_prompt_tokens = 500\n", "\n",
        "house.toml:13: overlap: only the last band may be without up_to_prompt_tokens.",
        id="overlapping bands",
    ),
    pytest.param(
        "batch = { input = ", "up_to_prompt_tokens = 900\nbatch = { input = ",
        "house.toml:20: gap: a prompt of more than 900 tokens has no price; the last band has no limit.",
        id="gap after the last band",
    ),
    pytest.param(
        'batch = { input = "1.5", output = "9" }', "",
        "house.toml:13: every band must sell the same of batch, fast and us.",
        id="a condition in one band only",
    ),
    pytest.param(
        'batch = { input = "1.5", output = "9" }', 'batch = { input = "1.5" }',
        "house.toml:20: batch needs a factor, or explicit rates of both input and output.",
        id="half a condition",
    ),
    pytest.param(
        'input = "2"', 'input = "0"',
        "house.toml:19: input is free, so cache_read must be free too.",
        id="cache rates on a free input",
    ),
    pytest.param(
        'family = "o200k"', 'family = "o200k"\naliases = ["house-1"]',
        "house.toml:4: an alias stands twice, or is the model itself.",
        id="an alias of itself",
    ),
    pytest.param(
        'family = "o200k"', 'family = "o200k"\naliases = ["house@1"]',
        "house.toml:1: 'house@1' is no model id: letters, digits and . _ : / - only, at most 128.",
        id="an alias that is no id",
    ),
    pytest.param(
        "[models.house-1]\n", "[models.house-1]\nversions = 3\n",
        "house.toml:9: not TOML: Cannot overwrite a value.",
        id="a table in the way",
    ),
    pytest.param(
        "created_on = 2026-01-01", "created_on = 2026-02-30",
        "house.toml:4: not TOML: Invalid date or datetime.",
        id="a day that is none",
    ),
    pytest.param(
        "[models.house-1]\n", "[models.house-1]\n[models.house-1]\n",
        "house.toml:2: not TOML: Cannot declare ('models', 'house-1') twice.",
        id="a model twice in a file",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "mistake"), ONE_MISTAKE)
def test_each_mistake_is_named_with_file_and_line(right: str, wrong: str, mistake: str) -> None:
    assert GOOD.count(right) >= 1
    assert mistake in mistakes_in(GOOD.replace(right, wrong, 1))


def test_all_mistakes_come_at_once_in_the_order_of_the_file() -> None:
    text = GOOD.replace('input = "2"', 'input = "-2"').replace("max_input_tokens = 1000", "max_input = 1")
    text = text.replace("from_on = 2026-06-01", "from_on = 2026-07-01")
    lines = [mistake.split(": ", 1)[0] for mistake in mistakes_in(text)]
    assert lines == ["house.toml:1", "house.toml:5", "house.toml:19", "house.toml:23"]


def test_mistakes_of_several_files_come_together() -> None:
    files = [PriceFile("a.toml", b"colour = 1"), PriceFile("b.toml", b"models = [")]
    with pytest.raises(ConfigurationError) as caught:
        parse_book(files)
    assert caught.value.mistakes == (
        "a.toml:1: the key models is missing.",
        "a.toml:1: unknown key colour; known here are models.",
        "b.toml:1: not TOML: Invalid value.",
    )


def test_a_model_is_priced_in_one_place() -> None:
    other = GOOD.replace("house-1]", "house-2]").replace("house-1.", "house-2.")
    taken = other.replace('family = "o200k"', 'family = "o200k"\naliases = ["house-1"]')
    with pytest.raises(ConfigurationError) as caught:
        parse_book([PriceFile("a.toml", GOOD.encode()), PriceFile("b.toml", taken.encode())])
    assert caught.value.mistakes == (
        "b.toml:1: house-1 is priced already in a.toml (house-1); price a model in one place.",
    )


def test_a_byte_that_is_no_text_is_named_by_its_line() -> None:
    assert mistakes_in(b"# one\n# \xff\n") == ("house.toml:2: not UTF-8.",)


def test_a_book_without_prices_is_refused() -> None:
    assert mistakes_in("models = {}") == ("house.toml:1: no model has a price.",)


def test_a_file_has_a_largest_size() -> None:
    text = "#" * (FILE_BYTES_MAX + 1)
    assert mistakes_in(text) == ("house.toml:1: a price file has at most 1000000 bytes.",)


def test_an_operators_directory_stands_beside_the_packaged_files(tmp_path: Path) -> None:
    (tmp_path / "house.toml").write_text(GOOD)
    (tmp_path / "notes.txt").write_text("not a price file")
    models = load_book(tmp_path).models()
    assert {"house-1", "claude-opus-5"} <= set(models)
    assert load_book(tmp_path, is_packaged=False).models() == ("house-1",)


def test_an_operators_file_may_not_price_a_packaged_model_again(tmp_path: Path) -> None:
    file = tmp_path / "house.toml"
    file.write_text(GOOD.replace("house-1", "claude-opus-5"))
    with pytest.raises(ConfigurationError, match=r"claude-opus-5 is priced already in .*opus\.toml"):
        load_book(file)


def test_a_missing_file_is_a_mistake_beside_others(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("colour = 1\nmodels = {}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_book(tmp_path / "absent.toml", tmp_path / "bad.toml")
    assert caught.value.mistakes == (
        f"{tmp_path}/absent.toml:1: cannot be read: No such file or directory.",
        f"{tmp_path}/bad.toml:1: unknown key colour; known here are models.",
    )
