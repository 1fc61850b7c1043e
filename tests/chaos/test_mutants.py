"""Mutants fit the tree as it is, so that `python -m tests.chaos.mutating` can try every one of them."""

import pytest
from tests.chaos.mutating import ROOT, Mutant, read_mutants

MUTANTS = read_mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_place_of_a_mutant_is_there_once(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text(encoding="utf-8").count(mutant.old) == 1
    assert mutant.old != mutant.new
    assert all((ROOT / path).exists() for path in mutant.tests)


def test_there_are_at_least_thirty() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 30
