"""The limiter: whom which limits concern, all or nothing, corrections, and memory that stays bounded."""

from contextlib import suppress
from uuid import UUID

import pytest

from jeton.limits.errors import InvalidLimitError, RateLimitedError
from jeton.limits.limiter import Limiter, Line
from jeton.limits.sharing import Claim, Share
from jeton.limits.words import EVERY_GROUP, Groups, Limits, Reserve

A, B = UUID(int=1), UUID(int=2)
S = 1_000_000


def line_of(
    limiter: Limiter,
    organization_id: UUID = A,
    workspace_id: str = "wrkspc_1",
    *,
    group: str = "opus",
    at: int = 0,
) -> Line:
    line = limiter.find_line(organization_id, workspace_id, group=group, at_us=at)
    assert line is not None
    return line


def left(line: Line, at: int = 0) -> dict[str, int]:
    return {standing.kind: standing.remaining for standing in line.list_standings(at)}


def strict(limits: Limits, reserve: Reserve = "most") -> Limiter:
    return Limiter({EVERY_GROUP: limits}, reserve=reserve)


def test_without_limits_it_is_off() -> None:
    limiter = Limiter()
    assert limiter.is_off
    assert limiter.find_line(A, "wrkspc_1", group="opus", at_us=0) is None
    limiter.set_overrides(B, {(None, "opus"): Limits(1)}, at_us=0)
    assert not limiter.is_off
    assert limiter.find_line(A, "wrkspc_1", group="opus", at_us=0) is None
    limiter.set_overrides(B, {}, at_us=0)
    assert limiter.is_off


def test_every_group_and_every_organization_has_buckets_of_its_own() -> None:
    limiter = strict(Limits(requests=1))
    line_of(limiter).reserve(1, 1, at_us=0)
    line_of(limiter, group="sonnet").reserve(1, 1, at_us=0)
    line_of(limiter, B).reserve(1, 1, at_us=0)
    with pytest.raises(RateLimitedError) as refused:
        line_of(limiter, workspace_id="wrkspc_2").reserve(1, 1, at_us=0)
    assert (refused.value.scope, refused.value.group, refused.value.wait_us) == (
        "organization",
        "opus",
        60 * S,
    )


def test_the_nearest_entry_decides_as_a_whole() -> None:
    limiter = Limiter({EVERY_GROUP: Limits(10), "opus": Limits(20, 2_000)})
    assert limiter.find_limits(A, None, group="haiku") == Limits(10)
    assert limiter.find_limits(A, None, group="opus") == Limits(20, 2_000)
    limiter.set_overrides(A, {(None, EVERY_GROUP): Limits(30)}, at_us=0)
    assert limiter.find_limits(A, None, group="opus") == Limits(30)
    limiter.set_overrides(A, {(None, EVERY_GROUP): Limits(30), (None, "opus"): Limits()}, at_us=0)
    assert limiter.find_limits(A, None, group="opus") == Limits()
    assert limiter.find_limits(B, None, group="opus") == Limits(20, 2_000)


def test_a_workspace_has_to_pass_its_own_limits_and_the_organizations() -> None:
    limiter = strict(Limits(requests=3))
    limiter.set_overrides(A, {("wrkspc_1", "opus"): Limits(requests=2)}, at_us=0)
    # What is set for the workspace leaves the organization's limits as they are configured.
    narrow, wide = line_of(limiter), line_of(limiter, workspace_id="wrkspc_2")
    narrow.reserve(1, 1, at_us=0)
    narrow.reserve(1, 1, at_us=0)
    with pytest.raises(RateLimitedError) as refused:
        narrow.reserve(1, 1, at_us=0)
    assert refused.value.scope == "workspace"
    wide.reserve(1, 1, at_us=0)
    with pytest.raises(RateLimitedError) as refused:
        wide.reserve(1, 1, at_us=0)
    assert refused.value.scope == "organization"
    # Of two limits of a kind the one is shown of which less is left.
    assert left(narrow) == {"requests": 0}


def test_a_refused_request_takes_nothing_of_any_limit() -> None:
    limiter = strict(Limits(requests=10, input_tokens=1_000, output_tokens=100))
    line = line_of(limiter)
    line.reserve(10, 90, at_us=0)
    with pytest.raises(RateLimitedError) as refused:
        line.reserve(10, 20, at_us=0)
    error = refused.value
    assert (error.standing.kind, error.needed, error.standing.remaining) == ("output_tokens", 20, 10)
    assert error.wait_us == 6 * S
    assert str(error) == (
        "This request would exceed your organization's rate limit of 100 output tokens per minute for opus:"
        " it needs 20 and 10 are left. Try again in 6 seconds."
    )
    assert left(line) == {"requests": 9, "input_tokens": 990, "output_tokens": 10}


def test_of_several_limits_the_one_that_frees_last_is_named() -> None:
    limiter = strict(Limits(requests=60, output_tokens=60))
    line = line_of(limiter)
    for _ in range(60):
        line.reserve(1, 1, at_us=0)
    with pytest.raises(RateLimitedError) as refused:
        line.reserve(1, 30, at_us=0)
    assert (refused.value.standing.kind, refused.value.wait_us) == ("output_tokens", 30 * S)


def test_what_never_fits_is_told_so() -> None:
    line = line_of(strict(Limits(output_tokens=100)))
    with pytest.raises(RateLimitedError) as refused:
        line.reserve(1, 101, at_us=0)
    assert refused.value.wait_us is None
    assert str(refused.value) == (
        "This request can never pass your organization's rate limit of 100 output tokens per minute for opus:"
        " it may need up to 101 at once. Ask for fewer max_tokens."
    )


def test_the_fact_takes_the_place_of_the_estimate() -> None:
    line = line_of(strict(Limits(requests=10, input_tokens=1_000, output_tokens=1_000)))
    reservation = line.reserve(800, 500, at_us=0)
    assert left(line) == {"requests": 9, "input_tokens": 200, "output_tokens": 500}
    reservation.correct(30, 20, at_us=0)
    assert left(line) == {"requests": 9, "input_tokens": 970, "output_tokens": 980}
    reservation.correct(0, 0, at_us=0)
    reservation.cancel(at_us=0)
    assert left(line) == {"requests": 9, "input_tokens": 970, "output_tokens": 980}


def test_more_than_the_estimate_is_a_debt() -> None:
    line = line_of(strict(Limits(input_tokens=600, output_tokens=600), "expected"))
    reservation = line.reserve(100, 100, at_us=0)
    reservation.correct(100, 1_200, at_us=0)
    assert left(line)["output_tokens"] == 0
    with pytest.raises(RateLimitedError) as refused:
        line.reserve(1, 1, at_us=0)
    assert refused.value.wait_us == 60 * S + 100_000


def test_a_cancelled_request_counts_as_a_request_only() -> None:
    line = line_of(strict(Limits(requests=10, input_tokens=1_000, output_tokens=1_000)))
    line.reserve(800, 500, at_us=0).cancel(at_us=0)
    assert left(line) == {"requests": 9, "input_tokens": 1_000, "output_tokens": 1_000}


def test_a_request_that_was_not_admitted_counts_nowhere() -> None:
    line = line_of(strict(Limits(2, 1_000, 100)))
    reservation = line.reserve(300, 60, at_us=0)
    reservation.withdraw(at_us=0)
    assert left(line) == {"requests": 2, "input_tokens": 1_000, "output_tokens": 100}
    # It has ended: nothing more comes of it.
    reservation.cancel(at_us=0)
    assert left(line)["requests"] == 2


def test_a_kept_estimate_stays() -> None:
    line = line_of(strict(Limits(output_tokens=1_000)))
    reservation = line.reserve(1, 400, at_us=0)
    reservation.keep()
    reservation.cancel(at_us=0)
    assert left(line) == {"output_tokens": 600}


def test_what_is_expected_is_learned() -> None:
    line = line_of(strict(Limits(input_tokens=10**9, output_tokens=10**9), "expected"))
    # An agent: long prompts that are read from the cache, answers far below max_tokens.
    for _ in range(100):
        line.reserve(200_000, 64_000, at_us=0).correct(2_000, 300, at_us=0)
    before = left(line)
    line.reserve(200_000, 64_000, at_us=0)
    after = left(line)
    assert 2_000 <= before["input_tokens"] - after["input_tokens"] <= 2_100
    assert 300 <= before["output_tokens"] - after["output_tokens"] <= 330


def test_what_is_expected_is_never_more_than_what_is_possible() -> None:
    line = line_of(strict(Limits(input_tokens=10**9, output_tokens=10**9), "expected"))
    for _ in range(50):
        line.reserve(10, 10_000, at_us=0).correct(10, 9_000, at_us=0)
    before = left(line)
    line.reserve(10, 5, at_us=0)
    assert before["output_tokens"] - left(line)["output_tokens"] == 5


def test_an_expectation_larger_than_the_limit_passes_when_nothing_else_runs() -> None:
    line = line_of(strict(Limits(output_tokens=100), "expected"))
    for at in (0, 60 * S, 120 * S):
        line.reserve(1, 4_000, at_us=at).correct(1, 90, at_us=at)


def test_new_limits_are_in_force_at_once_and_keep_the_level() -> None:
    limiter = strict(Limits(requests=10))
    line = line_of(limiter)
    for _ in range(5):
        line.reserve(1, 1, at_us=0)
    limiter.set_overrides(A, {(None, "opus"): Limits(requests=100)}, at_us=0)
    assert left(line_of(limiter)) == {"requests": 50}
    limiter.set_overrides(A, {(None, "opus"): Limits()}, at_us=0)
    assert limiter.find_line(A, "wrkspc_1", group="opus", at_us=0) is None


def test_all_overrides_replace_those_before() -> None:
    limiter = Limiter()
    limiter.set_all_overrides({A: {(None, "opus"): Limits(1)}}, at_us=0)
    limiter.set_all_overrides({B: {(None, "opus"): Limits(1)}}, at_us=0)
    assert limiter.find_line(A, "wrkspc_1", group="opus", at_us=0) is None
    assert left(line_of(limiter, B)) == {"requests": 1}


def test_a_share_concerns_old_and_new_buckets() -> None:
    limiter = strict(Limits(requests=10))
    old = line_of(limiter)
    limiter.set_claim(Claim(500_000), at_us=0)
    for line in (old, line_of(limiter, B)):
        assert left(line) == {"requests": 10}  # if the other node has as much
        for _ in range(5):
            line.reserve(1, 1, at_us=0)
        with pytest.raises(RateLimitedError):
            line.reserve(1, 1, at_us=0)


def test_a_share_of_one_limit_concerns_that_limit_alone() -> None:
    limiter = strict(Limits(requests=100))
    limiter.set_claim(Claim(500_000, {f"{A}//opus": Share(100_000, 0)}), at_us=0)
    for organization_id, passes in ((A, 10), (B, 50)):
        line = line_of(limiter, organization_id)
        for _ in range(passes):
            line.reserve(1, 1, at_us=0)
        with pytest.raises(RateLimitedError):
            line.reserve(1, 1, at_us=0)


def test_a_small_share_that_grows_brings_no_second_burst() -> None:
    """Nobody asked while the share was small, and still a bucket was there to know of it."""
    limiter = strict(Limits(requests=100))
    limiter.set_claim(Claim(500_000, {f"{A}//opus": Share(50_000, 0)}), at_us=0)
    limiter.set_claim(Claim(500_000), at_us=0)
    line = line_of(limiter)
    for _ in range(5):
        line.reserve(1, 1, at_us=0)
    with pytest.raises(RateLimitedError):
        line.reserve(1, 1, at_us=0)


def press(limiter: Limiter, requests: int, *, since_s: int, until_s: int) -> dict[str, int]:
    """So many requests every two seconds; the pressure in the end."""
    line = line_of(limiter)
    for second in range(since_s + 1, until_s, 2):
        for _ in range(requests):
            with suppress(RateLimitedError):
                line.reserve(1, 1, at_us=second * S)
        limiter.measure(at_us=(second + 1) * S)
    return limiter.measure(at_us=until_s * S)


def test_pressure_is_what_is_asked_for_whether_it_passes_or_not() -> None:
    """30 requests in two seconds at 600 a minute are one and a half times what it allows."""
    limiter = strict(Limits(requests=600, output_tokens=10**6))
    limiter.is_alone = False
    name = f"{A}//opus"
    assert 1_490_000 <= press(limiter, 30, since_s=0, until_s=20)[name] <= 1_500_000
    # A quarter of it, then nothing.
    assert 240_000 <= press(limiter, 5, since_s=20, until_s=40)[name] <= 260_000
    assert press(limiter, 0, since_s=40, until_s=120) == {}


def test_who_joins_others_begins_with_nothing() -> None:
    limiter = strict(Limits(requests=60))
    limiter.empty(at_us=0)
    with pytest.raises(RateLimitedError):
        line_of(limiter).reserve(1, 1, at_us=0)
    assert left(line_of(limiter, B, at=30 * S), at=30 * S) == {"requests": 30}


def test_memory_is_bounded_and_forgets_nothing_that_matters() -> None:
    limiter = Limiter({EVERY_GROUP: Limits(requests=60)}, meters_max=50)
    for number in range(100):
        line_of(limiter, UUID(int=number)).reserve(1, 1, at_us=0)
        assert len(limiter._meters) <= 50
        assert len(limiter._lines) <= 50
    # Those forgotten had one or two requests less than full, and who comes back has no more than they had.
    assert 57 <= left(line_of(limiter, UUID(int=0)))["requests"] <= 59
    assert left(line_of(limiter, UUID(int=1), at=3 * S), at=3 * S) == {"requests": 60}


def test_of_what_is_full_nothing_is_lost() -> None:
    limiter = Limiter({EVERY_GROUP: Limits(requests=60)}, meters_max=50)
    for number in range(500):
        line_of(limiter, UUID(int=number), at=number * S).reserve(1, 1, at_us=number * S)
    assert left(line_of(limiter, UUID(int=9_999), at=499 * S), at=499 * S) == {"requests": 60}


def test_groups_are_named_or_lines_or_models() -> None:
    groups = Groups({"opus-4": ["claude-opus-4-5", "claude-opus-4-8"]})
    assert groups.find("claude-opus-4-8", "opus") == "opus-4"
    assert groups.find("claude-opus-5", "opus") == "opus"
    assert groups.find("jeton-extract-1", None) == "jeton-extract-1"


def test_the_codes_are_stable() -> None:
    assert (RateLimitedError.code, InvalidLimitError.code) == ("rate_limited", "invalid_limit")
