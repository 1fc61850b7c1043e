"""Transport: the official client's requests over our own HTTP: bounded in time and size, no redirect."""

import asyncio
from collections.abc import Mapping
from typing import NoReturn

import stripe

from jeton.errors import UpstreamError
from jeton.upstreams.http.single import SingleClient

RETRIES_MAX = 2


class Transport(stripe.HTTPClient):
    """Sends each request on a connection of its own; what is not answered is sent again under its key."""

    name = "jeton"

    def __init__(self, timeout_s: int) -> None:
        """``timeout_s`` is for one request, from the name to the last byte."""
        super().__init__()
        self._client = SingleClient(timeout_s=timeout_s)

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: str | None = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """One request; APIConnectionError where there is no answer."""
        sent = {name.lower(): value for name, value in headers.items()}
        sent.pop("user-agent", None)
        body = (post_data or "").encode()
        try:
            status, answer = await self._client.fetch(method.upper(), url, headers=sent, body=body)
        except UpstreamError as error:
            raise _fail(str(error), should_retry=True) from error
        return answer, status, {}

    async def _send_stream(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> NoReturn:
        """Nothing that we ask for is streamed."""
        del url, headers, post_data
        raise _fail(f"A stream ({method}) is never asked for.")

    # The library's own signatures, which take everything by position.
    request_async = _send
    request_stream_async = _send_stream

    sleep_async = staticmethod(asyncio.sleep)  # type: ignore[assignment]  # names its argument otherwise

    async def close_async(self) -> None:
        """Nothing is kept open."""


def _fail(problem: str, *, should_retry: bool = False) -> stripe.APIConnectionError:
    return stripe.APIConnectionError(problem, should_retry=should_retry)  # type: ignore[no-untyped-call]  # their constructor has no types
