"""One server for this folder: two upstreams of one model with their costs, one of another dialect."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.e2e.contract.misbehaving import Upstream
from tests.e2e.serving import ServerProcess, serving

MODEL = "claude-sonnet-5-5"
CHAT_MODEL = "claude-haiku-4-5"
# Half of the list: dollars a million tokens.
RATES = (
    'input = "1.00", cache_write_5m = "1.25", cache_write_1h = "2.00", cache_read = "0.05", output = "5.00"'
)
COSTS = f"""
[models.{MODEL}]
display_name = "What it costs us"
family = "claude-4.7"
created_on = 2026-01-01
max_input_tokens = 1_000_000
max_output_tokens = 128_000
[[models.{MODEL}.versions]]
from_on = 2026-01-01
web_search_per_1000 = "10.00"
[[models.{MODEL}.versions.bands]]
standard = {{ {RATES} }}
"""
CONFIG = """
[[upstreams]]
name = "first"
kind = "anthropic"
base_url = "{first}"
models = ["{model}"]
first_byte_timeout_s = 1
costs = ["{costs}"]

[[upstreams]]
name = "second"
kind = "anthropic"
base_url = "{second}"
models = ["{model}"]
priority = 2
costs = ["{costs}"]

[[upstreams]]
name = "chat"
kind = "openai_compatible"
base_url = "{chat}/v1"
models = ["{chat_model}"]
model_names = {{ "{chat_model}" = "their/name" }}
cache = "reported"
"""


@dataclass(frozen=True)
class Stage:
    """The server and what stands behind it."""

    server: ServerProcess
    first: Upstream
    second: Upstream
    chat: Upstream


def write_config(folder: Path, *, first: Upstream, second: Upstream, chat: Upstream) -> Path:
    """The configuration file."""
    costs, config = folder / "costs.toml", folder / "jeton.toml"
    costs.write_text(COSTS)
    config.write_text(
        CONFIG.format(
            first=first.url,
            second=second.url,
            chat=chat.url,
            model=MODEL,
            chat_model=CHAT_MODEL,
            costs=costs,
        )
    )
    return config


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Everything, started once."""
    folder = tmp_path_factory.mktemp("upstreams")
    with Upstream() as first, Upstream() as second, Upstream() as chat:
        config = write_config(folder, first=first, second=second, chat=chat)
        with serving(folder / "data", environment={"JETON_CONFIG": str(config)}) as server:
            yield Stage(server, first, second, chat)
