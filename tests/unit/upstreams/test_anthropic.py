"""What an upstream refuses before it connects to anyone."""

import msgspec
import pytest

from jeton.errors import ConfigurationError
from jeton.upstreams.anthropic import AnthropicUpstream
from jeton.upstreams.interface import Ask, MessagesRequest

BODY = b'{"model":"m","max_tokens":1,"messages":[]}'


@pytest.mark.parametrize("key", ["sk\r\nx-admin: 1", "sk-\0", "schlüssel"])
def test_a_key_that_cannot_be_a_header_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        AnthropicUpstream("u", "http://127.0.0.1", api_key=key)
    assert caught.value.mistakes == ("The key of the upstream u has characters that no key has.",)


def test_an_address_with_credentials_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="must not hold credentials"):
        AnthropicUpstream("u", "http://user:sesame@h", api_key="k")


@pytest.mark.parametrize("value", ["1\r\nx-api-key: theirs", "1\n", "1\0"])
async def test_a_value_that_would_be_two_headers_is_not_sent(value: str) -> None:
    ask = Ask("req_1", msgspec.json.decode(BODY, type=MessagesRequest), BODY, {"anthropic-version": value})
    with pytest.raises(ValueError, match="x-api-key" if "x-api-key" in value else "1"):
        await AnthropicUpstream("u", "http://127.0.0.1", api_key="k").send(ask)
