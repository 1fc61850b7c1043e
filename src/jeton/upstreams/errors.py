"""Errors of upstreams; the gateway answers 504 and 529 by their codes.

UpstreamError                    the answer broke off, or is not HTTP
├── UpstreamDialectError         the upstream answered in a way that its dialect does not know
├── UpstreamTimeoutError         the upstream has the request and did not finish in time
└── UpstreamUnreachableError     the upstream never got the request: sending it again is safe
"""

from jeton.errors import UpstreamError


class UpstreamDialectError(UpstreamError):
    """An answer that cannot be translated: a page of HTML, half an event, no message."""

    code = "upstream_dialect"

    def __init__(self, what: str) -> None:
        """Say ``what`` is wrong with it."""
        super().__init__(f"The upstream does not speak the dialect that it is configured for: {what}.")


class UpstreamTimeoutError(UpstreamError):
    """No end within the time that an answer may take."""

    code = "upstream_timeout"


class UpstreamUnreachableError(UpstreamError):
    """No connection, or no turn for one: nothing was sent."""

    code = "upstream_unreachable"
