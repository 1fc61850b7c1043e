"""Who answers for a model: by name and priority, and by a choice only where there is one."""

from dataclasses import replace
from pathlib import Path

import pytest

from jeton import clock
from jeton.app.prompt_caching import PromptCache
from jeton.app.routing import Routing, open_routing
from jeton.errors import ConfigurationError
from jeton.pricing.loading import load_book
from jeton.settings import Settings, UpstreamSetting
from jeton.tokens.counter.counting import load_counter
from jeton.upstreams.anthropic import AnthropicUpstream
from jeton.upstreams.choice import Choice
from jeton.upstreams.interface import Upstream
from jeton.upstreams.openai_compatible.upstream import OpenAICompatibleUpstream

BOOK = load_book()
MODEL, OTHER = "claude-sonnet-5-5", "claude-haiku-4-5"
FIRST = UpstreamSetting("first", "anthropic", "http://10.0.0.1", models=(MODEL,))
SECOND = UpstreamSetting("second", "anthropic", "http://10.0.0.2", models=(MODEL,), priority=2)
COSTS = Path(__file__).parents[3] / "src" / "jeton" / "pricing" / "books" / "sonnet.toml"


def routing(*upstreams: UpstreamSetting) -> Routing:
    cache = PromptCache(load_counter(find_estimator=lambda _: None))
    return open_routing(Settings(upstreams=upstreams), BOOK, cache)


def answers(routes: Routing, model: str) -> Upstream:
    return routes.catalog.find(model, clock.now())[0].upstream


def test_one_upstream_for_a_model_is_asked_itself() -> None:
    assert isinstance(answers(routing(FIRST), MODEL), AnthropicUpstream)


def test_the_lowest_priority_number_is_asked_first_wherever_it_stands() -> None:
    upstream = answers(routing(SECOND, FIRST), MODEL)
    assert isinstance(upstream, Choice)
    assert upstream.name == "first"


def test_two_of_one_priority_are_refused_by_name() -> None:
    rest = UpstreamSetting("rest", "anthropic", "http://10.0.0.3")
    with pytest.raises(ConfigurationError) as caught:
        routing(FIRST, replace(SECOND, priority=1), rest, replace(rest, name="other"))
    assert [mistake.partition(":")[0] for mistake in caught.value.mistakes] == [
        f"The upstreams first and second both serve {MODEL} with the priority 1",
        "The upstreams rest and other both serve the rest with the priority 1",
    ]


def test_the_rest_is_what_nobody_names_and_may_have_a_second_too() -> None:
    rest = UpstreamSetting("rest", "anthropic", "http://10.0.0.3")
    routes = routing(FIRST, rest, replace(rest, name="spare", priority=9))
    assert answers(routes, MODEL).name == "first"
    assert isinstance(answers(routes, OTHER), Choice)
    assert answers(routes, OTHER).name == "rest"
    assert answers(routes, "jeton-extract-1").name == "embedded"
    assert {upstream.name for upstream in routes.upstreams} == {"embedded", "first", "rest", "spare"}


def test_costs_are_kept_account_of_even_where_there_is_no_choice() -> None:
    routes = routing(replace(FIRST, costs=(COSTS,)))
    assert isinstance(answers(routes, MODEL), Choice)
    assert routes.costs["first"].is_cache_its_own
    assert not routing(replace(FIRST, costs=(COSTS,), cache="off")).costs["first"].is_cache_its_own


def test_a_server_of_chat_completions_is_made_for_its_kind() -> None:
    chat = UpstreamSetting("chat", "openai_compatible", "http://10.0.0.4/v1", models=(OTHER,))
    assert isinstance(answers(routing(chat), OTHER), OpenAICompatibleUpstream)
