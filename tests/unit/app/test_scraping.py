from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge
from starlette.requests import Request
from starlette.responses import Response

from jeton.app.observing.scraping import find_token, make_scrape


async def scrape(**headers: str) -> Response:
    registry = CollectorRegistry()
    Gauge("jeton_test", "A number.", registry=registry).set(7)
    given = [(name.encode(), value.encode()) for name, value in headers.items()]
    request = Request({"type": "http", "method": "GET", "path": "/metrics", "headers": given})
    return await make_scrape(registry, "right")(request)


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic right", "right", "Bearer \xe4"]
)
async def test_without_the_token_there_are_no_metrics(given: str) -> None:
    answer = await scrape(authorization=given)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert b"jeton_test" not in answer.body
    assert b"metrics.token" in answer.body


@pytest.mark.parametrize("given", ["Bearer right", "bearer  right "])
async def test_with_the_token_there_are(given: str) -> None:
    answer = await scrape(authorization=given)
    assert answer.status_code == 200
    assert b"jeton_test 7.0" in answer.body
    assert answer.headers["content-type"].startswith("text/plain; version=")


async def test_openmetrics_is_given_where_it_is_asked_for() -> None:
    answer = await scrape(authorization="Bearer right", accept="application/openmetrics-text; version=1.0.0")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert bytes(answer.body).endswith(b"# EOF\n")


def test_a_token_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    made = find_token("", tmp_path)
    assert len(made) == 43
    assert find_token("", tmp_path) == made
    assert (tmp_path / "metrics.token").stat().st_mode & 0o777 == 0o600


def test_a_token_that_is_set_wins_and_leaves_no_file(tmp_path: Path) -> None:
    assert find_token("set", tmp_path) == "set"
    assert list(tmp_path.iterdir()) == []
