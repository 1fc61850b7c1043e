"""An upstream's address: a base URL taken apart, once, into what a connection and a request need."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, quote, urlsplit

from jeton.errors import ConfigurationError

PORTS = {"http": 80, "https": 443}
# What of a path may stand in a request line as it is; all else is percent-encoded.
PATH_CHARACTERS = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect to, and how the request line and the Host header name it."""

    host: str
    port: int
    is_tls: bool
    host_header: str
    path_prefix: str

    @classmethod
    def parse(cls, name: str, base_url: str) -> Self:
        """Take a base URL apart; raises ConfigurationError with every mistake, never showing the URL."""
        try:
            parts = urlsplit(base_url)
            host = _ascii_host(parts.hostname or "")
            port = parts.port
        except ValueError as error:
            sentence = f"The base_url of upstream {name} has no valid host or port."
            raise ConfigurationError([sentence]) from error
        if mistakes := _list_mistakes(parts):
            raise ConfigurationError([f"The base_url of upstream {name} {mistake}" for mistake in mistakes])
        default = PORTS[parts.scheme]
        named = f"[{host}]" if ":" in host else host
        return cls(
            host=host,
            port=port or default,
            is_tls=parts.scheme == "https",
            host_header=named if port in {None, default} else f"{named}:{port}",
            path_prefix=quote(parts.path.rstrip("/"), safe=PATH_CHARACTERS),
        )


def _list_mistakes(parts: SplitResult) -> list[str]:
    mistakes = []
    if parts.scheme not in PORTS:
        mistakes.append("must begin with http:// or https://.")
    if not parts.hostname:
        mistakes.append("must name a host.")
    if parts.username is not None or parts.password is not None:
        mistakes.append("must not hold credentials: give the key as its api_key.")
    if parts.query or parts.fragment:
        mistakes.append("must not have a query or a fragment.")
    return mistakes


def _ascii_host(host: str) -> str:
    """The name as DNS knows it; ValueError (UnicodeError is one) if it cannot be one."""
    if not host.isprintable() or " " in host:
        raise ValueError
    return host if ":" in host else host.encode("idna").decode()
