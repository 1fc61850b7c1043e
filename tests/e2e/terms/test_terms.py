"""Terms on a real server: heard of while it serves, known again after it was killed, the same in a batch."""

import asyncio
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from tests.e2e.books import find_faults, get, query
from tests.e2e.serving import ServerProcess, make_sdk, serving

from jeton import clock
from jeton.billing.terms.asking import TermsAsk, first_begin
from jeton.billing.terms.keeping import Change, add_terms
from jeton.db.pool import open_pool
from jeton.identity.audit import SYSTEM
from jeton.pricing.loading import load_book
from jeton.pricing.terms import Scope

TURN: Any = {"role": "user", "content": "A jeton is a counter. What is a jeton?"}
ASKED: Any = {"model": "claude-sonnet-5-5", "max_tokens": 50, "messages": [TURN]}
WAIT_S = 30
POLL_S = 0.05


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server in rehearsal, which rates the embedded model at Sonnet's price."""
    with serving(tmp_path_factory.mktemp("terms") / "data") as started:
        yield started


def agree_on(server: ServerProcess, factor: Fraction) -> str:
    """Terms of the demo's organization that are in force now: written an hour ago, as far as they know."""
    address = (server.data_dir / "database.url").read_text(encoding="utf-8").strip()
    ((organization_id,),) = query(server, "SELECT organization_id FROM organizations")
    at = clock.now() - timedelta(hours=1)
    ask = TermsAsk(Scope("line", "sonnet"), factor, (), first_begin(at), None, "a test", "Grace")

    async def agree(key: UUID) -> str:
        pool = await open_pool(address)
        async with pool.connection() as connection:
            (terms_id,) = await add_terms(connection, key, [ask], book=load_book(), change=Change(SYSTEM, at))
        await pool.close()
        return terms_id

    return asyncio.run(agree(organization_id))


def receipt_of(server: ServerProcess) -> dict[str, Any]:
    """The receipt of one request."""
    with make_sdk(server) as client:
        answer = client.messages.with_raw_response.create(**ASKED)
    return get(server, f"/v1/receipts/{answer.headers['request-id']}")


def wait_for_terms(server: ServerProcess, terms_id: str) -> dict[str, Any]:
    """The receipt of the first request that is under these terms."""
    deadline = time.monotonic() + WAIT_S
    while True:
        receipt = receipt_of(server)
        if receipt["terms"] is not None:
            assert receipt["terms"]["id"] == terms_id
            return receipt
        assert time.monotonic() < deadline, "The server does not hear of the terms."
        time.sleep(POLL_S)


def test_terms_reach_a_server_that_serves_and_outlive_it(server: ServerProcess) -> None:
    before = receipt_of(server)
    assert (before["terms"], before["saved"]["negotiated"]) == (None, "0.00")
    terms_id = agree_on(server, Fraction(3, 2))
    receipt = wait_for_terms(server, terms_id)
    assert Decimal(receipt["net_amount"]) * 2 == Decimal(before["net_amount"]) * 3
    assert Decimal(receipt["hold"]["amount"]) > Decimal(before["hold"]["amount"])
    assert receipt["hold"]["overrun"] == "0.00"
    server.stop(signal.SIGKILL)
    server.start()
    # Known before the first request.
    again = receipt_of(server)
    assert (again["terms"]["id"], again["net_amount"]) == (terms_id, receipt["net_amount"])
    with make_sdk(server) as client:
        batch = client.messages.batches.create(requests=[{"custom_id": "a", "params": ASKED}])
        deadline = time.monotonic() + WAIT_S
        while client.messages.batches.retrieve(batch.id).processing_status != "ended":
            assert time.monotonic() < deadline
            time.sleep(POLL_S)
    rows = query(server, "SELECT terms_id, net_nano FROM charges ORDER BY request_id")
    assert {row[0] for row in rows[-2:]} == {terms_id}
    # In a batch it is half of the same.
    assert rows[-1][1] * 2 == rows[-2][1]
    # What came between the commit of the terms and the node's hearing of it is the only thing to be found:
    # these terms were in force an hour before they were written, which the product refuses.
    assert all("was rated under no terms" in fault for fault in find_faults(server))
