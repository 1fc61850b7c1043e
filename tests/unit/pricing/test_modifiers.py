from fractions import Fraction

import pytest

from jeton.errors import InvalidInputError
from jeton.pricing.modifiers import NAME_CHARACTERS_MAX, Modifier
from jeton.usage import Bucket


def test_without_restriction_it_applies_to_everything() -> None:
    modifier = Modifier("all", Fraction(1, 2))
    assert all(modifier.is_applicable("any-model", bucket) for bucket in Bucket)


def test_both_restrictions_must_be_met() -> None:
    modifier = Modifier("some", Fraction(1, 2), frozenset({"m"}), frozenset({Bucket.OUTPUT}))
    assert modifier.is_applicable("m", Bucket.OUTPUT)
    assert not modifier.is_applicable("m", Bucket.INPUT)
    assert not modifier.is_applicable("n", Bucket.OUTPUT)


def test_a_negative_factor_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        Modifier("pays you", Fraction(-1, 10))


@pytest.mark.parametrize("name", ["", "x" * (NAME_CHARACTERS_MAX + 1)])
def test_a_name_that_no_receipt_could_show_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError):
        Modifier(name, Fraction(1))
