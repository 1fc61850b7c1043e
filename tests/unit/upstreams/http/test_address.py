"""What a base URL says of an upstream."""

import pytest

from jeton.errors import ConfigurationError
from jeton.upstreams.http.address import Address


@pytest.mark.parametrize(
    ("url", "host", "port", "host_header", "path_prefix"),
    [
        ("http://h", "h", 80, "h", ""),
        ("https://API.example.com/", "api.example.com", 443, "api.example.com", ""),
        ("http://h:80/a/", "h", 80, "h", "/a"),
        ("https://h:80/a/b", "h", 80, "h:80", "/a/b"),
        ("http://[::1]", "::1", 80, "[::1]", ""),
        ("http://[::1]:8000", "::1", 8000, "[::1]:8000", ""),
        ("http://h/a b/%20é", "h", 80, "h", "/a%20b/%20%C3%A9"),
        ("http://bücher.example", "xn--bcher-kva.example", 80, "xn--bcher-kva.example", ""),
    ],
)
def test_a_base_url_is_taken_apart(
    url: str, host: str, port: int, host_header: str, path_prefix: str
) -> None:
    is_tls = url.startswith("https")
    assert Address.parse("u", url) == Address(host, port, is_tls, host_header, path_prefix)


@pytest.mark.parametrize(
    ("url", "mistake"),
    [
        ("ftp://h", "must begin with http:// or https://."),
        ("http://", "must name a host."),
        ("http://user:sesame@h", "must not hold credentials: give the key as its api_key."),
        ("http://h/?a=1", "must not have a query or a fragment."),
        ("http://h/#a", "must not have a query or a fragment."),
        ("http://h:99999", "has no valid host or port."),
        ("http://a..b", "has no valid host or port."),
        ("http://a b", "has no valid host or port."),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(url: str, mistake: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Address.parse("u", url)
    assert caught.value.mistakes == (f"The base_url of upstream u {mistake}",)


def test_every_mistake_is_named_and_no_secret() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Address.parse("u", "ftp://user:sesame@h?a")
    assert len(caught.value.mistakes) == 3
    assert "sesame" not in str(caught.value)
