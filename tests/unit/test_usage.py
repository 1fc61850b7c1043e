import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.errors import UsageError
from jeton.usage import COUNT_MAX, Bucket, Usage

counts = st.integers(0, COUNT_MAX)
FIELDS = sorted(Usage.__dataclass_fields__)


def test_the_prompt_is_what_was_read_written_and_neither() -> None:
    usage = Usage(
        input_tokens=1,
        cache_creation_5m_input_tokens=20,
        cache_creation_1h_input_tokens=300,
        cache_read_input_tokens=4_000,
        output_tokens=50_000,
        web_search_requests=6,
    )
    assert usage.cache_creation_input_tokens == 320
    assert usage.prompt_tokens == 4_321
    assert usage.total_tokens == 54_321


@given(st.fixed_dictionaries(dict.fromkeys(set(FIELDS) - {"thinking_tokens"}, counts)))
def test_buckets_are_a_partition(fields: dict[str, int]) -> None:
    usage = Usage(**fields)
    quantities = dict(usage.quantities())
    assert set(quantities) == set(Bucket)
    assert sum(quantities.values()) == usage.total_tokens + usage.web_search_requests


def test_thinking_is_a_part_of_the_output_and_no_bucket() -> None:
    usage = Usage(input_tokens=1, output_tokens=50, thinking_tokens=50)
    assert usage.total_tokens == 51
    assert sum(dict(usage.quantities()).values()) == 51
    with pytest.raises(UsageError, match="thinking_tokens is 51, not a count from 0 to output_tokens, 50"):
        Usage(input_tokens=1, output_tokens=50, thinking_tokens=51)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("count", [-1, COUNT_MAX + 1])
def test_a_count_that_cannot_be_is_refused_by_name(field: str, count: int) -> None:
    with pytest.raises(UsageError, match=field):
        Usage(**{field: count})
