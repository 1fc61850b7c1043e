"""Client: the paths of Message Batches as a command calls them, bodies streamed both ways."""

import http.client
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from jeton.errors import ConfigurationError, JetonError

PATH = "/v1/messages/batches"
API_VERSION = "2023-06-01"
TIMEOUT_S = 300
BLOCK_BYTES = 65_536
_OK = 200


class ApiRefusedError(JetonError):
    """The server said no; the sentence is its own."""

    code = "api_refused"

    def __init__(self, status: int, sentence: str) -> None:
        """Keep the status."""
        super().__init__(f"{sentence} (status {status})")
        self.status = status


class ApiUnreachableError(JetonError):
    """Nobody answers at the address."""

    code = "api_unreachable"

    def __init__(self, base_url: str, problem: str) -> None:
        """Name the address."""
        super().__init__(
            f"The API at {base_url} does not answer ({problem}): start the server, or say where it is with "
            "--base-url."
        )


@dataclass(frozen=True, slots=True)
class BatchClient:
    """Where the API is, and the key it is called with."""

    base_url: str
    api_key: str

    def create(self, body: Iterable[bytes]) -> dict[str, Any]:
        """Send a batch; the body is sent as it is made."""
        return self._call("POST", PATH, body)

    def get(self, batch_id: str) -> dict[str, Any]:
        """The batch as it stands."""
        return self._call("GET", _place(batch_id))

    def get_cost(self, batch_id: str) -> dict[str, Any]:
        """What it has come to so far."""
        return self._call("GET", f"{_place(batch_id)}/cost")

    def list_page(self, limit: int) -> dict[str, Any]:
        """The newest batches."""
        return self._call("GET", f"{PATH}?limit={limit}")

    def cancel(self, batch_id: str) -> dict[str, Any]:
        """Begin nothing more of it."""
        return self._call("POST", f"{_place(batch_id)}/cancel")

    def quote(self, body: Iterable[bytes]) -> dict[str, Any]:
        """What a body could come to as a batch; nothing is sent."""
        return self._call("POST", f"{PATH}/quote", body)

    def retry(self, batch_id: str) -> dict[str, Any]:
        """Send again what failed of it; the new batch."""
        return self._call("POST", f"{_place(batch_id)}/retry")

    def read_results(self, batch_id: str) -> Iterator[bytes]:
        """The results, block by block."""
        with self._open("GET", f"{_place(batch_id)}/results") as response:
            if response.status != _OK:
                raise _refusal(response)
            while block := response.read(BLOCK_BYTES):
                yield block

    def _call(self, method: str, path: str, body: Iterable[bytes] | None = None) -> dict[str, Any]:
        with self._open(method, path, body) as response:
            if response.status != _OK:
                raise _refusal(response)
            found: dict[str, Any] = json.loads(response.read())
            return found

    @contextmanager
    def _open(
        self, method: str, path: str, body: Iterable[bytes] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError([f"{self.base_url!r} is no address such as http://127.0.0.1:8080."])
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
        headers: Mapping[str, str] = {
            "x-api-key": self.api_key,
            "anthropic-version": API_VERSION,
            "content-type": "application/json",
        }
        try:
            try:
                connection.request(
                    method,
                    parts.path.rstrip("/") + path,
                    body=body,
                    headers=headers,
                    encode_chunked=body is not None,
                )
            except (BrokenPipeError, ConnectionResetError):
                # It was refused before all of it was sent: the answer says why.
                if body is None:
                    raise
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise ApiUnreachableError(self.base_url, str(error) or type(error).__name__) from None
        finally:
            connection.close()


def _place(batch_id: str) -> str:
    return f"{PATH}/{quote(batch_id, safe='')}"


def _refusal(response: http.client.HTTPResponse) -> ApiRefusedError:
    body = response.read()
    try:
        sentence = str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        sentence = body[:200].decode("utf-8", "replace") or response.reason
    return ApiRefusedError(response.status, sentence)
