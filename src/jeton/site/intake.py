"""Intake: what anybody may send to the site: from our own pages, of limited size, and not too often."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.requests import Request

from jeton.errors import InvalidInputError, OverloadedError

ADDRESSES_WATCHED_MAX = 10_000
# A field that people do not see and programs fill in.
HONEYPOT = "website"
TRAPPED = "The last field must stay empty; a program has filled it in. Empty it, and send again."


@dataclass(frozen=True, slots=True)
class Pace:
    """How often something may be sent, in windows of so many seconds, in one process."""

    window_s: int
    by_address_max: int
    altogether_max: int


class TooOftenError(OverloadedError):
    """Sent too often for now."""

    code = "too_often"

    def __init__(self, what: str, retry_after_s: int) -> None:
        """Name what, and when to try again."""
        super().__init__(f"Too many {what} for now. Try again in {retry_after_s} seconds.")
        self.retry_after_s = retry_after_s


class Pacer:
    """Counts what was sent by address and altogether; memory is bounded."""

    def __init__(self, pace: Pace, what: str) -> None:
        """Nothing was sent; ``what`` is the plural that a refusal names."""
        self._pace = pace
        self._what = what
        self._window = 0
        self._sent: OrderedDict[str, int] = OrderedDict()
        self._altogether = 0

    def admit(self, address: str) -> None:
        """Count one more; TooOftenError where the address, or everybody together, has sent enough."""
        now_s = int(time.monotonic())
        window = now_s // self._pace.window_s
        if window != self._window:
            self._window, self._altogether = window, 0
            self._sent.clear()
        sent = self._sent.get(address, 0)
        if self._altogether >= self._pace.altogether_max or sent >= self._pace.by_address_max:
            raise TooOftenError(self._what, self._pace.window_s - now_s % self._pace.window_s)
        self._altogether += 1
        self._sent[address] = sent + 1
        if len(self._sent) > ADDRESSES_WATCHED_MAX:
            self._sent.popitem(last=False)


def find_address(request: Request) -> str:
    """Where a request came from, as far as this server knows."""
    return request.client.host if request.client else "unknown"


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The body; InvalidInputError where it is larger, or a browser sent it from another site."""
    origin = request.headers.get("origin")
    # Not by urlsplit, which raises for what is no URL at all, such as http://[.
    if origin is not None and origin.partition("://")[2] != request.headers.get("host", ""):
        raise InvalidInputError("This form came from another site. Fill in the one on this page.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise InvalidInputError(f"That is more than {bytes_max} bytes; write less.")
    return bytes(body)


def parse_form(body: bytes, fields_max: int) -> dict[str, str]:
    """The fields of a form; InvalidInputError."""
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=fields_max)
    except ValueError:
        raise InvalidInputError("The form cannot be read. Fill in the one on this page.") from None
    return {name: values[-1] for name, values in fields.items()}
