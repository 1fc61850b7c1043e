"""The published minimums, by model (claude-api section 3, item 8)."""

import pytest

from jeton.caching.models import minimum_tokens


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-sonnet-5-5", 512),
        ("claude-opus-5", 512),
        ("claude-sonnet-4-6", 1024),
        ("claude-opus-4-7", 2048),
        ("claude-haiku-4-5", 4096),
        ("claude-haiku-4-5-20251001", 4096),
        ("claude-opus-4-5@20251101", 4096),
        pytest.param("llama-4", 1024, id="nothing is published"),
    ],
)
def test_the_shortest_prefix_of_a_model(model: str, tokens: int) -> None:
    assert minimum_tokens(model) == tokens
