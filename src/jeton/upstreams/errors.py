"""Errors of upstreams; the gateway answers 504 and 529 by their codes.

UpstreamError                    the answer broke off, or is not HTTP
├── UpstreamTimeoutError         the upstream has the request and did not finish in time
└── UpstreamUnreachableError     the upstream never got the request: sending it again is safe
"""

from jeton.errors import UpstreamError


class UpstreamTimeoutError(UpstreamError):
    """No end within the time that an answer may take."""

    code = "upstream_timeout"


class UpstreamUnreachableError(UpstreamError):
    """No connection, or no turn for one: nothing was sent."""

    code = "upstream_unreachable"
