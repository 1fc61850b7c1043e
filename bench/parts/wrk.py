"""wrk: how many requests a second a port answers when it is asked as fast as it can."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = """
local file = io.open("{body}", "rb")
wrk.method = "POST"
wrk.path = "/v1/messages"
wrk.body = file:read("*a")
wrk.headers["content-type"] = "application/json"
wrk.headers["anthropic-version"] = "2023-06-01"
wrk.headers["x-api-key"] = "{key}"
{beta}
file:close()
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format('\\nRESULT {{"requests":%d,"duration_us":%d,"refused":%d,"broken":%d}}\\n',
        summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk saw; ``refused`` answers had another status than 2xx or 3xx."""

    requests: int
    duration_us: int
    refused: int
    broken: int

    @property
    def per_second(self) -> float:
        """Answered requests a second."""
        return (self.requests - self.refused) * 1e6 / self.duration_us


@dataclass(frozen=True, slots=True)
class Question:
    """What wrk sends: a body in a file, and the headers that differ."""

    body: Path
    key: str
    beta: str


def load(port: int, question: Question, *, connections: int, seconds: int, core: int) -> Load:
    """Ask with ``connections`` at once for ``seconds``; wrk has one thread, on ``core``."""
    beta = f'wrk.headers["anthropic-beta"] = "{question.beta}"' if question.beta else ""
    script = question.body.with_suffix(".lua")
    script.write_text(_SCRIPT.format(body=question.body, key=question.key, beta=beta))
    command = [
        "taskset",
        "-c",
        str(core),
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        "30s",
    ]
    command += ["-s", str(script), f"http://127.0.0.1:{port}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    return Load(**json.loads(result.removeprefix("RESULT ")))
