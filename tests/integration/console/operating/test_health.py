"""Health and audit: the books are proved beside the requests, and every change is found again."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from tests.integration.console.operating.scene import OPERATOR, seated
from tests.integration.world import open_world

from jeton import clock
from jeton.app.proving.child import prove_next
from jeton.billing.jobs.claiming import know_kinds
from jeton.billing.jobs.running import Runner
from jeton.billing.jobs.words import Duty
from jeton.console.files.downloading import Sheet, render_sheet
from jeton.db.pool import Pool
from jeton.insight.proving.chain import digest_ends
from jeton.watch.proofs import SILENCE_MAX, claim_proof, request_due_proof, request_proof


async def test_a_proof_is_asked_for_on_the_page_and_made_elsewhere(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    async with seated(world, OPERATOR) as seat:
        assert "not proved yet" in await seat.text("/console/health")
        for _ in range(2):
            assert (await seat.post("/console/health/prove")).status_code == 303
        assert "waits for a process" in await seat.text("/console/health")
        assert await prove_next(pool) is not None
        assert await prove_next(pool) is None
        page = await seat.text("/console/health")
        (proof,) = (await seat.client.get("/console/health.json")).json()["proofs"]
    assert (proof["state"], proof["counts"]["charges"], proof["requested_by"]) == ("sound", 1, OPERATOR)
    # The trial's grant, the hold and its settlement.
    assert proof["counts"]["transactions"] == 3
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT organization_id, chain_length, chain_digest FROM balances")
        ends = {str(row[0]): f"{row[1]}:{bytes(row[2]).hex()}" for row in await cursor.fetchall()}
    assert proof["head"] == f"sha256:{digest_ends(ends).hex()}"
    assert proof["head"] in page
    await world.close()


async def test_books_that_are_wrong_raise_an_alarm(pool: Pool) -> None:
    world = await open_world(pool)
    await world.bill()
    async with pool.connection() as connection:
        await connection.execute("UPDATE usage_rollups SET requests = requests + 1")
        await request_proof(connection, by="test", at=clock.now())
    await prove_next(pool)
    async with seated(world, OPERATOR) as seat:
        page = await seat.text("/console/health")
        data = (await seat.client.get("/console/health.json")).json()
        assert "Ledger unsound" in await seat.text("/console/accuracy")
    assert "Wrong:" in page
    assert (data["proofs"][0]["state"], data["alarms"][0]["code"]) == ("wrong", "ledger_unsound")
    await world.close()


async def test_proofs_are_due_by_the_schedule_and_one_runs_at_a_time(pool: Pool) -> None:
    """The first a day after the first organization; whoever is silent too long is given up."""
    at = clock.now()
    day = timedelta(days=1)
    async with pool.connection() as connection:
        assert not await request_due_proof(connection, every=day, at=at)
    world = await open_world(pool)
    async with pool.connection() as connection:
        assert not await request_due_proof(connection, every=day, at=at)
        assert await request_due_proof(connection, every=day, at=at + 2 * day)
        assert not await request_proof(connection, by="somebody", at=at)
        first = await claim_proof(connection, at)
        assert first is not None
        assert await request_proof(connection, by="somebody", at=at)
        assert await claim_proof(connection, at) is None
        late = at + SILENCE_MAX + timedelta(seconds=1)
        second = await claim_proof(connection, late)
        assert second not in {None, first}
        cursor = await connection.execute("SELECT problem FROM ledger_proofs WHERE proof_id = %s", (first,))
        assert await cursor.fetchone() == ("The process that proved the books is gone.",)
    await world.close()


async def test_the_audit_log_is_filtered_paged_and_exported(pool: Pool) -> None:
    world = await open_world(pool)
    other = await open_world(pool, name="Other")
    lot_id = await world.grant(1_000_000_000)
    own = world.organization.organization_id
    async with seated(world, OPERATOR) as seat:
        everything = (await seat.client.get("/console/audit.json")).json()["data"]
        assert {entry["organization_id"] for entry in everything} >= {str(own)}
        found = (await seat.client.get(f"/console/audit.json?action=credits&subject={lot_id}")).json()["data"]
        assert [(entry["action"], entry["subject"]) for entry in found] == [("credits.granted", lot_id)]
        none = (await seat.client.get("/console/audit.json?until=2020-01-01")).json()["data"]
        assert none == []
        csv = (await seat.client.get(f"/console/audit.csv?organization={own}")).text
        assert lot_id in csv
        assert str(other.organization.organization_id) not in csv
        for wrong in ("organization=x", "kind=ghost", "from=yesterday"):
            assert (await seat.client.get(f"/console/audit?{wrong}")).status_code == 400
    await world.close()
    await other.close()


@pytest.mark.parametrize(("role", "status"), [("auditor", 200), ("developer", 403), ("billing", 403)])
async def test_an_organization_sees_its_own_changes_only(pool: Pool, role: str, status: int) -> None:
    world = await open_world(pool)
    other = await open_world(pool, name="Other")
    foreign = await other.grant(1_000_000_000)
    mine = await world.grant(1_000_000_000)
    async with seated(world, role=role) as seat:  # type: ignore[arg-type]  # one of the roles
        for path in ("/console/changes", "/console/changes.json", "/console/changes.csv"):
            url = f"{path}?organization={other.organization.organization_id}"
            answer = await seat.client.get(url)
            assert answer.status_code == status
            if status == 200:
                assert mine in answer.text
                assert foreign not in answer.text
    await world.close()
    await other.close()


async def test_the_chain_of_the_log_is_shown_verified_and_exported_with_what_it_covers(pool: Pool) -> None:
    world = await open_world(pool)
    lot_id = await world.grant(1_000_000_000)
    own = world.organization.organization_id
    async with seated(world, OPERATOR) as operator, seated(world, role="auditor") as auditor:
        assert "No proof has looked at the chain yet" in await operator.text("/console/audit")
        assert (await operator.post("/console/audit/prove")).headers["location"] == "/console/audit"
        await prove_next(pool)
        state = dict((await operator.client.get("/console/audit.json")).json())["chain"]
        assert (state["is_whole"], state["head"] in await operator.text("/console/audit")) == (True, True)
        assert state["head"].removeprefix("sha256:") in await operator.text("/console/health")
        assert "read as they were written" in (await auditor.post("/console/changes/verify")).text
        lines = [json.loads(line) for line in (await auditor.text("/console/changes.jsonl")).splitlines()]
        assert [line["sequence"] for line in lines] == [*range(len(lines), 0, -1)]
        for line in lines:
            previous = bytes.fromhex((line["previous_digest"] or "").removeprefix("sha256:"))
            digest = hashlib.sha256(previous + line["content"].encode()).hexdigest()
            assert line["digest"] == f"sha256:{digest}"
        assert (await auditor.client.get("/console/changes.json")).json()["chain"]["head"] == lines[0][
            "digest"
        ]
        async with pool.connection() as connection:
            await connection.execute("ALTER TABLE audit_entries DISABLE TRIGGER USER")
            forge = "UPDATE audit_entries SET actor = 'nobody' WHERE subject = %s AND organization_id = %s"
            await connection.execute(forge, (lot_id, own))
        page = (await auditor.post("/console/changes/verify")).text
        assert "does not read as it was written" in page
        await operator.post("/console/audit/prove")
        await prove_next(pool)
        assert "Tampered with:" in await operator.text("/console/audit")
        assert "tampered with" in await operator.text("/console/health")
    await world.close()


def test_a_text_that_would_be_a_formula_is_none() -> None:
    sheet = Sheet("a.csv", ("a", "b", "c"), [("=1+1", "-1.50", "@x")])
    assert render_sheet(sheet) == "a,b,c\r\n'=1+1,-1.50,'@x\r\n"


async def test_jobs_of_billing_stand_there_with_what_they_did(pool: Pool) -> None:
    world = await open_world(pool)

    async def reload(at: datetime) -> Mapping[str, int]:
        del at
        return {"opened": 2}

    runner = Runner(pool, [Duty("reload", timedelta(hours=1), reload)], node_id="node_1")
    async with pool.connection() as connection:
        await know_kinds(connection, runner.duties)
    await runner.run("reload")
    async with seated(world, OPERATOR) as seat:
        page = await seat.text("/console/health")
        (job,) = (await seat.client.get("/console/health.json")).json()["billing_jobs"]
    assert "Jobs of billing" in page
    assert "opened 2" in page
    assert (job["kind"], job["state"], job["counts"]) == ("reload", "waiting", {"opened": 2})
    await world.close()
