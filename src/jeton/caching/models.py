"""Models: the least number of tokens that each model caches, as data with its source in ``models.toml``."""

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any

FILE = "models.toml"
# A release of a model: claude-opus-4-5-20251101.
_RELEASE = re.compile(r"[-@](\d{8}|latest)$")


@cache
def _load() -> dict[str, Any]:
    return tomllib.loads(resources.files("jeton.caching").joinpath(FILE).read_text("utf-8"))


def minimum_tokens(model: str) -> int:
    """The least number of tokens of a prefix that is cached for a model or one of its releases."""
    content = _load()
    name = _RELEASE.sub("", model)
    tokens: int = content["minimum_tokens"].get(name, content["default"]["minimum_tokens"])
    return tokens


def default_effort() -> str:
    """The effort of a request that names none."""
    effort: str = _load()["default"]["effort"]
    return effort
