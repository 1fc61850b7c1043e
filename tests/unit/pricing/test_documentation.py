"""The page on price files says what the loader accepts."""

import re
from importlib import resources

from jeton.pricing.loading import PriceFile, load_book, parse_book

PAGE = resources.files("jeton.site").joinpath("content", "prices.md").read_text("utf-8")


def test_the_example_of_the_page_is_a_price_file() -> None:
    example = re.search(r"```toml\n(\[models\..*?)```", PAGE, re.DOTALL)
    assert example is not None
    book = parse_book([PriceFile("prices.md", example[1].encode())])
    assert [version.price_version_id for version in book.versions] == [
        "house-1@2026-10-01",
        "house-1@2026-12-01",
    ]


def test_the_models_that_the_page_names_have_a_price() -> None:
    named = set(re.findall(r"claude-[a-z0-9-]*[0-9](?!\.)\b", PAGE)) - {"claude-3", "claude-4"}
    assert named
    assert named <= set(load_book().models())
