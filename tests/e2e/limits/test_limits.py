"""Rate limits on real servers: what the official SDK sees and does, and two servers on one database."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import psycopg
import pytest
from tests.e2e.books import prove
from tests.e2e.serving import ServerProcess, run_jeton, serving

TURN: Any = {"role": "user", "content": "A jeton is a counter. What is a jeton?"}
SMALL: Any = {"model": "jeton-extract-1", "max_tokens": 50, "messages": [TURN]}
# Reserves all of the limit below, and counts about a dozen.
WHOLE: Any = {**SMALL, "max_tokens": 600}
CONFIG = """
rate_limit_reserve = "most"

[[rate_limits]]
output_tokens_per_minute = 600

[[rate_limits]]
group = "sonnet"
requests_per_minute = 2
"""
TOGETHER = """
[[rate_limits]]
requests_per_minute = 120
"""
WAIT_S = 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with rate limits, in rehearsal."""
    folder = tmp_path_factory.mktemp("limits")
    (folder / "jeton.toml").write_text(CONFIG, encoding="utf-8")
    with serving(folder / "data", arguments=("--config", str(folder / "jeton.toml"))) as started:
        yield started


def client_of(server: ServerProcess, *, max_retries: int = 0) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        base_url=server.base_url, api_key=server.demo["ANTHROPIC_API_KEY"], max_retries=max_retries
    )


def test_the_sdk_is_refused_and_told_which_limit_and_until_when(server: ServerProcess) -> None:
    asked: Any = {**SMALL, "model": "claude-sonnet-5-5"}
    with client_of(server) as client:
        first = client.messages.with_raw_response.create(**asked)
        assert first.headers["anthropic-ratelimit-requests-limit"] == "2"
        assert first.headers["anthropic-ratelimit-requests-remaining"] == "1"
        assert "anthropic-ratelimit-output-tokens-limit" not in first.headers
        with client.messages.stream(**asked) as stream:
            assert stream.response.headers["anthropic-ratelimit-requests-remaining"] == "0"
            stream.until_done()
        with pytest.raises(anthropic.RateLimitError) as refused:
            client.messages.create(**asked)
    error, headers = refused.value, refused.value.response.headers
    assert error.status_code == 429
    assert error.type == "rate_limit_error"
    assert 1 <= int(headers["retry-after"]) <= 30
    assert headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert headers["ratelimit-policy"] == '"requests";q=2;w=60'
    assert headers["ratelimit"].startswith('"requests";r=0;t=')
    details: Any = error.body["error"]["details"]  # type: ignore[index]  # the envelope
    assert (details["error_code"], details["limit"], details["group"], details["scope"]) == (
        "rate_limited",
        "requests_per_minute",
        "sonnet",
        "organization",
    )
    assert (details["per_minute"], details["needed"], details["remaining"]) == ("2", "1", "0")
    frees_at = datetime.fromisoformat(details["frees_at"])
    assert 0 < (frees_at - datetime.now(UTC)).total_seconds() <= 32
    prove(server)


def test_the_sdk_waits_as_long_as_it_is_told_and_gets_its_answer(server: ServerProcess) -> None:
    with client_of(server) as hasty, client_of(server, max_retries=1) as patient:
        answer = hasty.messages.with_raw_response.create(**WHOLE)
        # The fact has taken the place of the 600 that were reserved.
        remaining = int(answer.headers["anthropic-ratelimit-output-tokens-remaining"])
        assert 600 - 2 * answer.parse().usage.output_tokens <= remaining < 600
        with pytest.raises(anthropic.RateLimitError) as refused:
            hasty.messages.create(**WHOLE)
        wait_s = int(refused.value.response.headers["retry-after"])
        began = time.monotonic()
        message = patient.messages.create(**WHOLE)
        assert message.stop_reason == "end_turn"
        assert time.monotonic() - began >= wait_s - 1


def test_what_can_never_pass_is_not_tried_again(server: ServerProcess) -> None:
    began = time.monotonic()
    with client_of(server, max_retries=5) as client, pytest.raises(anthropic.RateLimitError) as refused:
        client.messages.create(**{**SMALL, "max_tokens": 601})
    assert time.monotonic() - began < 5
    headers = refused.value.response.headers
    assert headers["x-should-retry"] == "false"
    assert "retry-after" not in headers
    assert "can never pass" in str(refused.value)


def test_a_refusal_holds_and_costs_nothing(server: ServerProcess) -> None:
    path, headers = "/v1/organizations/balance", {"x-api-key": server.demo["JETON_ADMIN_KEY"]}
    before = httpx2.get(server.base_url + path, headers=headers).json()
    with client_of(server) as client, pytest.raises(anthropic.RateLimitError):
        client.messages.create(**{**SMALL, "max_tokens": 601})
    after = httpx2.get(server.base_url + path, headers=headers).json()
    assert (after["used"], after["held"]) == (before["used"], before["held"])


def test_a_limit_that_is_set_is_in_force_on_the_running_server(server: ServerProcess) -> None:
    asked: Any = {**SMALL, "model": "claude-haiku-5-5"}
    place = ("--data-dir", str(server.data_dir))

    def use_until_refused(*, is_refused: bool) -> None:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            try:
                client.messages.create(**asked)
            except anthropic.RateLimitError as error:
                # The limit of output tokens of the configuration refuses too, meanwhile.
                if is_refused and "'limit': 'requests_per_minute'" in str(error):
                    return
            else:
                if not is_refused:
                    return
        raise AssertionError

    with client_of(server) as client:
        client.messages.create(**asked)
        done = run_jeton("limits", "set", "haiku", "--requests", "1", *place)
        assert done.returncode == 0, done.stderr
        use_until_refused(is_refused=True)
        assert run_jeton("limits", "clear", "haiku", *place).returncode == 0
        use_until_refused(is_refused=False)


def test_two_servers_keep_to_a_limit_together(database_url: str, tmp_path: Path) -> None:
    """Their requests in any stretch: the limit, one burst, and a little for the news of the joining."""
    config = tmp_path / "jeton.toml"
    config.write_text(TOGETHER, encoding="utf-8")
    arguments = ("--config", str(config), "--database-url", database_url)
    with (
        serving(tmp_path / "one", arguments=arguments) as one,
        serving(tmp_path / "two", arguments=(*arguments, "--no-demo")) as two,
    ):
        key = one.demo["ANTHROPIC_API_KEY"]
        admitted: list[float] = []
        refused: list[float] = []
        ends = time.monotonic() + 5

        def ask(server: ServerProcess) -> None:
            headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
            with httpx2.Client(base_url=server.base_url, headers=headers) as client:
                while time.monotonic() < ends:
                    began = time.monotonic()
                    answer = client.post("/v1/messages", json=SMALL)
                    assert answer.status_code in {200, 429}, answer.text
                    (admitted if answer.status_code == 200 else refused).append(began)

        threads = [threading.Thread(target=ask, args=(server,)) for server in (one, two) * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with psycopg.connect(database_url) as connection:
            kinds = connection.execute("SELECT kind FROM nodes WHERE ended_at IS NULL").fetchall()
    assert kinds == [("serve",), ("serve",)]
    stretch_s = max(admitted) - min(admitted)
    assert refused, "the servers were asked too little to tell"
    assert len(admitted) <= 120 * stretch_s / 60 + 120 + 120 * 2 / 60 / 2
    # The first server may let half of the limit through at once.
    assert len(admitted) >= 60
