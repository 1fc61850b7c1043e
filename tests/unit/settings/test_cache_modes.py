"""Whose account of the prompt cache is billed, upstream by upstream, and who is behind it then."""

from pathlib import Path

import pytest

from jeton.app.prompt_caching import PromptCache, is_kept
from jeton.app.routing import open_routing
from jeton.clock import now
from jeton.errors import ConfigurationError
from jeton.pricing.loading import load_book
from jeton.settings import Settings, load_settings
from jeton.tokens.counter.counting import load_counter
from jeton.upstreams.caching.off import UncachedUpstream

FILE = """
[[upstreams]]
name = "claude"
kind = "anthropic"
base_url = "https://example.com"
models = ["claude-opus-5"]

[[upstreams]]
name = "vllm"
kind = "openai_compatible"
base_url = "http://127.0.0.1:8000"
models = ["claude-sonnet-5"]

[[upstreams]]
name = "messages"
kind = "anthropic"
base_url = "http://127.0.0.1:8001"
models = ["claude-haiku-4-5"]
cache = "kept"

[[upstreams]]
name = "openai"
kind = "openai_compatible"
base_url = "http://127.0.0.1:8002"
models = ["claude-sonnet-4-6"]
cache = "reported"

[[upstreams]]
name = "plain"
kind = "openai_compatible"
base_url = "http://127.0.0.1:8003"
models = ["claude-opus-4-8"]
cache = "off"
"""


def load(folder: Path, text: str) -> Settings:
    path = folder / "jeton.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(config=path, environment={})


def test_each_upstream_has_the_account_that_was_chosen_or_its_kinds_own(tmp_path: Path) -> None:
    settings = load(tmp_path, FILE)
    assert [upstream.cache for upstream in settings.upstreams] == [
        "reported",
        "kept",
        "kept",
        "reported",
        "off",
    ]
    cache = PromptCache(load_counter(find_estimator=lambda _: None))
    catalog = open_routing(settings, load_book(), cache).catalog
    models = ("claude-opus-5", "claude-sonnet-5", "claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-4-8")
    routes = [catalog.find(model, now())[0] for model in models]
    assert [route.keeps_cache for route in routes] == [False, True, True, False, False]
    assert [is_kept(route.upstream) for route in routes] == [False, True, True, False, False]
    assert isinstance(routes[-1].upstream, UncachedUpstream)


def test_the_embedded_upstream_is_kept_by_itself_and_in_rehearsal(tmp_path: Path) -> None:
    cache = PromptCache(load_counter(find_estimator=lambda _: None))
    catalog = open_routing(load(tmp_path, ""), load_book(), cache).catalog
    assert catalog.find("jeton-extract-1", now())[0].keeps_cache
    assert catalog.find("claude-sonnet-5-5", now())[0].keeps_cache


def test_the_embedded_upstreams_account_can_be_off(tmp_path: Path) -> None:
    text = '[[upstreams]]\nname = "own"\nkind = "embedded"\ncache = "off"\n'
    cache = PromptCache(load_counter(find_estimator=lambda _: None))
    catalog = open_routing(load(tmp_path, text), load_book(), cache).catalog
    assert not catalog.find("jeton-extract-1", now())[0].keeps_cache


def test_an_unknown_account_is_a_mistake_with_its_line(tmp_path: Path) -> None:
    text = '[[upstreams]]\nname = "own"\nkind = "embedded"\ncache = "sometimes"\n'
    with pytest.raises(ConfigurationError, match=r"4.*cache is 'sometimes', not one of reported, kept, off"):
        load(tmp_path, text)
