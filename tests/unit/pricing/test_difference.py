from dataclasses import replace
from datetime import date

from jeton.pricing.book import PriceBook
from jeton.pricing.difference import Difference, list_differences
from jeton.pricing.loading import load_book

BOOK = load_book()


def test_a_book_does_not_differ_from_itself() -> None:
    assert list_differences(BOOK, load_book()) == ()


def test_versions_are_added_and_removed() -> None:
    shorter = PriceBook(BOOK.versions[1:])
    version_id = BOOK.versions[0].price_version_id
    assert list_differences(shorter, BOOK) == (Difference("added", version_id),)
    assert list_differences(BOOK, shorter) == (Difference("removed", version_id),)


def test_a_price_changed_in_place_is_told_from_an_end() -> None:
    first, *rest = BOOK.versions
    dearer = replace(first, web_search_per_1000=11_000_000_000, until_on=date(2027, 1, 1))
    assert list_differences(BOOK, PriceBook((dearer, *rest))) == (
        Difference(
            "changed", first.price_version_id, "price.web_search_per_1000", "10.00", "11.00", is_price=True
        ),
        Difference("changed", first.price_version_id, "until_on", "none", "2027-01-01", is_price=False),
    )
