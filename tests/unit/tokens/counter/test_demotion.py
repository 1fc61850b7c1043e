from jeton.tokens.count import Count, exact_count
from jeton.tokens.counter.demotion import COMPARISONS_MAX, COMPARISONS_MIN, Demotion


def rebuilt(tokens: int, family: str = "claude-3") -> Count:
    return exact_count(tokens, family, "reconstructed")


def test_a_mismatch_of_one_in_a_thousand_is_borne_and_more_is_not() -> None:
    demotion = Demotion()
    for _ in range(COMPARISONS_MIN - 1):
        assert not demotion.note(rebuilt(1_000), 1_000)
    # 20 of 20,020 tokens, then 22 of 21,022.
    assert not demotion.note(rebuilt(1_000), 1_020)
    assert not demotion.is_demoted("claude-3")
    assert demotion.note(rebuilt(1_000), 1_002)
    assert demotion.is_demoted("claude-3")


def test_too_much_and_too_little_do_not_cancel() -> None:
    demotion = Demotion()
    noted = [demotion.note(rebuilt(1_000), 1_000 + (-5, 5)[number % 2]) for number in range(COMPARISONS_MIN)]
    assert noted == [False] * (COMPARISONS_MIN - 1) + [True]


def test_what_lies_within_the_limits_is_no_mismatch() -> None:
    demotion = Demotion()
    count = Count(1_000, 990, 1_010, "reconstructed", "claude-3", "")
    assert not any(demotion.note(count, reported) for reported in (990, 1_010) * COMPARISONS_MIN)


def test_few_comparisons_decide_nothing_and_old_ones_are_forgotten() -> None:
    demotion = Demotion()
    assert not any(demotion.note(rebuilt(10), 20) for _ in range(COMPARISONS_MIN - 1))
    other = Demotion()
    assert not other.note(rebuilt(1_000), 1_500)
    for _ in range(COMPARISONS_MAX):
        assert not other.note(rebuilt(1_000_000), 1_000_000)
    assert not any(other.note(rebuilt(1_000), 1_001) for _ in range(COMPARISONS_MAX))


def test_a_family_is_demoted_once_and_alone() -> None:
    demotion = Demotion()
    demotion.demote("claude-3")
    assert not demotion.note(rebuilt(10), 99)
    assert demotion.is_demoted("claude-3")
    assert not demotion.is_demoted("claude-4.7")
