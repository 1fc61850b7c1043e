"""Rate limits in the configuration file, and every mistake in them at once."""

from pathlib import Path

import pytest

from jeton.errors import ConfigurationError
from jeton.limits.words import Limits
from jeton.settings import Settings, load_settings


def load(folder: Path, text: str) -> Settings:
    path = folder / "jeton.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(config=path, environment={})


def test_limits_are_read_by_group_and_nobody_is_limited_without(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """
        rate_limit_reserve = "most"

        [[rate_limits]]
        requests_per_minute = 1000
        input_tokens_per_minute = 2_000_000
        output_tokens_per_minute = 400_000

        [[rate_limits]]
        group = "opus-4"
        requests_per_minute = 50

        [rate_limit_groups]
        opus-4 = ["claude-opus-4-5", "claude-opus-4-8"]
        """,
    )
    assert settings.limits_by_group == {"*": Limits(1000, 2_000_000, 400_000), "opus-4": Limits(50)}
    assert settings.rate_limit_groups == (("opus-4", ("claude-opus-4-5", "claude-opus-4-8")),)
    assert settings.rate_limit_reserve == "most"
    assert load(tmp_path, "").limits_by_group == {}


def test_every_mistake_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(
            tmp_path,
            """[[rate_limits]]
requests_per_minute = 0
tokens_per_day = 5
[[rate_limits]]
group = "*"
[[rate_limits]]
group = "opus"
output_tokens_per_minute = 1_000_000_000_001
[rate_limit_groups]
one = ["a"]
two = ["a"]
three = "a"
""",
        )
    path = tmp_path / "jeton.toml"
    known = ("group", "input_tokens_per_minute", "output_tokens_per_minute", "requests_per_minute")
    assert list(refused.value.mistakes) == [
        f"{path}:2: requests_per_minute must be a whole number from 1 on.",
        f"{path}:3: unknown key tokens_per_day; known here are {', '.join(known)}.",
        f"{path}:4: there is another entry for the group '*'.",
        f"{path}:8: output_tokens_per_minute must be at most 1000000000000.",
        f"{path}:11: a is in the group 'one' already.",
        f"{path}:12: three must be a list of texts.",
    ]
