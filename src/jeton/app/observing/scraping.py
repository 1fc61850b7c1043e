"""Scraping: ``/metrics`` for whoever has the token, and where the token comes from.

The metrics tell how much is sold, so they are never open: without a setting the token is made on the
first start and kept in the data directory, where Prometheus can read it as its ``credentials_file``.
"""

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from jeton.db.data_directory import write_private

METRICS_PATH = "/metrics"
TOKEN_FILE = "metrics.token"  # noqa: S105 - the name of a file
TOKEN_BYTES = 32


def find_token(setting: str, data_dir: Path) -> str:
    """The token that opens the metrics: as set, else of the data directory, made there if need be."""
    if setting:
        return setting
    path = data_dir / TOKEN_FILE
    kept = path.read_text(encoding="utf-8").strip() if path.exists() else ""
    if kept:
        return kept
    token = secrets.token_urlsafe(TOKEN_BYTES)
    write_private(path, f"{token}\n")
    return token


def make_scrape(registry: CollectorRegistry, token: str) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that renders the registry for a bearer of the token."""

    async def answer_scrape(request: Request) -> Response:
        """``GET /metrics``: text, or OpenMetrics where it is asked for; 401 without the token."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        is_known = secrets.compare_digest(given.strip().encode(), token.encode())
        if scheme.lower() != "bearer" or not is_known:
            return PlainTextResponse(
                f"The metrics need 'authorization: Bearer TOKEN', with JETON_METRICS_TOKEN or else the token"
                f" in {TOKEN_FILE} of the data directory.\n",
                status_code=401,
                headers={"www-authenticate": "Bearer", "cache-control": "no-store"},
            )
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type, "cache-control": "no-store"})

    return answer_scrape
