"""What the books of a running server say, read past its API: the other side of every comparison."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import httpx2
import psycopg
from tests.e2e.serving import ServerProcess, run_jeton

from jeton.insight.verify import verify


def query(server: ServerProcess, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Rows of the server's own database."""
    address = (server.data_dir / "database.url").read_text(encoding="utf-8").strip()
    with psycopg.connect(address) as connection:
        return connection.execute(statement, parameters).fetchall()


def get(server: ServerProcess, path: str) -> dict[str, Any]:
    """A JSON answer to the demo's admin key."""
    answer = httpx2.get(server.base_url + path, headers={"x-api-key": server.demo["JETON_ADMIN_KEY"]})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def balance(server: ServerProcess) -> dict[str, Decimal]:
    """The organization's amounts in dollars."""
    body = get(server, "/v1/organizations/balance")
    names = ("granted", "used", "held", "expired", "refunded", "pending", "available")
    amounts = {name: Decimal(body[name]) for name in names}
    assert amounts["granted"] == sum(amounts.values()) - amounts["granted"]
    return amounts


def find_faults(server: ServerProcess) -> tuple[str, ...]:
    """What ``jeton ledger verify`` would find, proven here: where that is done often, it saves its start."""

    async def verify_all() -> tuple[str, ...]:
        address = (server.data_dir / "database.url").read_text(encoding="utf-8").strip()
        async with await psycopg.AsyncConnection.connect(address) as connection:
            return tuple((await verify(connection)).findings)

    return asyncio.run(verify_all())


def prove(server: ServerProcess) -> dict[str, Any]:
    """Run ``jeton ledger verify`` against the running server; it must find nothing."""
    done = run_jeton("ledger", "verify", "--json", environment={"JETON_DATA_DIR": str(server.data_dir)})
    assert done.returncode == 0, done.stdout + done.stderr
    proof: dict[str, Any] = json.loads(done.stdout)
    assert proof["findings"] == []
    return proof
