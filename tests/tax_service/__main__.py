"""A tax service: checks signature and age of a question, answers by the buyer's country, or as it is told.

``POST /tax`` is the hook. ``POST /_control`` with ``{"failures": 2}`` answers the next two with 503, with
``{"answer": {…}}`` every one so, with ``{"is_down": true}`` none; ``GET /_control`` is what was asked.
"""

import argparse
import json
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
RATES = {"DE": ("S", "0.19"), "FR": ("S", "0.20"), "US": ("S", "0.08875"), "AT": ("AE", "0")}
STATE: dict[str, Any] = {"failures": 0, "is_down": False, "answer": None, "asked": [], "refused": 0}


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_GET(self) -> None:
        """What was asked."""
        self._send(200, STATE)

    def do_POST(self) -> None:
        """A question, or what a test may do."""
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/_control":
            STATE.update(json.loads(body))
            self._send(200, {})
            return
        if STATE["is_down"] or STATE["failures"]:
            STATE["failures"] = max(0, STATE["failures"] - 1)
            self._send(503, {"error": "busy"})
            return
        try:
            asked = Webhook(SECRET).verify(body, {name.lower(): text for name, text in self.headers.items()})
        except WebhookVerificationError as error:
            STATE["refused"] += 1
            self._send(401, {"error": str(error)})
            return
        STATE["asked"].append({**asked, "webhook-id": self.headers["webhook-id"]})
        category, rate = RATES.get(asked["place_of_supply"], ("O", "0"))
        told = {"taxes": [{"category": category, "rate": rate}]}
        stamp = f"{datetime.now(UTC):%Y}-{len(STATE['asked'])}"
        self._send(200, STATE["answer"] or {**told, "reference": f"ref-{stamp}"})

    def log_message(self, *args: object) -> None:
        """Say nothing."""
        del args

    def _send(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler).serve_forever()
