"""Playing: a month of invoices, what the bank says of them, and what is done where nothing comes.

The same plan is played twice from the same beginning: once by processes that live (the model), and once by
processes that die by SIGKILL at instants drawn from a seed, each job as often as it takes.
"""

import asyncio
import base64
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.integration.billing.invoicing.conftest import OPERATOR, RULES
from tests.integration.world import open_world

from jeton.billing.currencies import render_minor
from jeton.billing.invoicing.drafting.planning import draft_period
from jeton.charging.credits.limits import set_credit_limit
from jeton.clock import now
from jeton.db.pool import Pool
from jeton.usage import Usage

USD = 1_000_000_000
ORGANIZATIONS = 12
KILLS_PER_JOB_MAX = 3
DAYS_DUE = 30

Job = dict[str, Any]

_DOCUMENTS = """
    SELECT o.name, d.document_id, d.number,
           d.total_minor - d.paid_minor - d.credited_minor - d.written_off_minor
    FROM documents AS d JOIN organizations AS o USING (organization_id)
    WHERE d.kind = 'invoice' ORDER BY o.name
"""
_CAMT = """<?xml version="1.0"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Id>1</Id>
<Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct>{}</Stmt></BkToCstmrStmt></Document>"""
_ENTRY = """<Ntry><Amt Ccy="USD">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd>{flag}<Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>{on}</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls><TxDtls><RltdPties><Dbtr>
<Nm>{payer}</Nm></Dbtr></RltdPties><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"""


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice of an organization, and what is due on it."""

    buyer: str
    document_id: str
    number: str
    due_minor: int


@dataclass(slots=True)
class Played:
    """How long each job took, and how often its process died."""

    seconds: list[float] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)


async def begin(pool: Pool, organizations: int) -> datetime:
    """Organizations that are invoiced and have used something; the end of their month."""
    ends_at = now()
    for number in range(organizations):
        world = await open_world(pool, name=f"Buyer {number:02} GmbH")
        whose = world.organization.organization_id
        async with pool.connection() as connection:
            await set_credit_limit(connection, whose, 1_000 * USD, by=OPERATOR)
        # $10 a million tokens of output.
        await world.bill(Usage(output_tokens=1_000_000 * (number + 1)))
        await world.close()
        async with pool.connection() as connection:
            (draft,) = await draft_period(connection, whose, rules=RULES, at=now())
        ends_at = draft.period_to
    return ends_at


async def play(pool: Pool, url: str, ends_at: datetime, *, lives: Played | None, seed: int) -> Played:
    """Every job of the plan, in its order; with ``lives`` (of the model) processes die, within such times."""
    random = Random(seed)  # noqa: S311 - a seed, so that a round can be repeated
    played = Played()
    async with _open_worker(url) as worker:
        for place, make in enumerate(PLAN):
            job = await make(pool, ends_at)
            began = time.monotonic()
            for _ in range(random.randint(0, KILLS_PER_JOB_MAX) if lives else 0):
                wait_s = random.uniform(0, lives.seconds[place] * 1.2) if lives else 0
                played.figures["killed" if await worker.run(job, wait_s) else "done before"] += 1
            assert not await worker.run(job, None)
            played.seconds.append(time.monotonic() - began)
            played.figures["jobs"] += 1
    return played


@dataclass(slots=True)
class _Worker:
    process: asyncio.subprocess.Process

    async def run(self, job: Job, kill_after_s: float | None) -> bool:
        """Do a job; True if its process was killed at it. A job that fails by itself is a difference."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(job).encode() + b"\n")
        child = int(await self._read())
        ending = asyncio.ensure_future(self._read())
        if kill_after_s is not None:
            done, _ = await asyncio.wait([ending], timeout=kill_after_s)
            if not done:
                # It may have ended in this moment, but is waited for with the next job: the id is its own.
                os.kill(child, signal.SIGKILL)
        status = int(await ending)
        if status == -signal.SIGKILL:
            return True
        assert status == 0, f"{job['name']} failed"
        return False

    async def _read(self) -> bytes:
        assert self.process.stdout is not None
        return await self.process.stdout.readline()


@asynccontextmanager
async def _open_worker(url: str) -> AsyncIterator[_Worker]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.chaos.collecting.dying",
        url,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield _Worker(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def _list_invoices(pool: Pool) -> list[Invoice]:
    async with pool.connection() as connection:
        return [Invoice(*row) async for row in await connection.execute(_DOCUMENTS)]


def _later(name: str, days: int) -> Callable[[Pool, datetime], Any]:
    async def make(pool: Pool, ends_at: datetime) -> Job:
        del pool
        return {"name": name, "at": (ends_at + timedelta(days=days)).isoformat()}

    return make


def _text(invoice: Invoice) -> str:
    return f"Invoice {invoice.number}"


def _paid(invoices: list[Invoice]) -> list[tuple[Invoice, int, str]]:
    """What comes in first: all of it, a part, too much, without a number; some pay nothing yet."""
    ways = {
        0: lambda due: due,
        1: lambda due: due // 3,
        2: lambda due: due + 1_234,
        5: lambda due: due,
    }
    paid = [
        (one, ways[place % 6](one.due_minor), _text(one))
        for place, one in enumerate(invoices)
        if place % 6 in ways
    ]
    return paid + [(one, one.due_minor, "thank you") for one in invoices[3::6]]


async def _first_statement(pool: Pool, ends_at: datetime) -> Job:
    on = (ends_at + timedelta(days=10)).date()
    lines = [
        f"{on},{render_minor(minor, 'USD')},{one.buyer},{text},C{place}"
        for place, (one, minor, text) in enumerate(_paid(await _list_all(pool)))
    ]
    lines += [f"{on},-700.00,Landlord,rent,C99", f"{on},1.00,Nobody,?,C98"]
    content = "Date,Amount,Payer,Description,Reference\n" + "\n".join(lines) + "\n"
    return _statement("first.csv", content, ends_at + timedelta(days=11))


async def _same_in_camt(pool: Pool, ends_at: datetime) -> Job:
    """The same movements as the other format has them, and two of them are returned."""
    on = (ends_at + timedelta(days=10)).date()
    paid = _paid(await _list_all(pool))
    entries = [
        _ENTRY.format(
            amount=render_minor(minor, "USD"),
            sign="CRDT",
            flag="",
            on=on,
            reference=f"X{place}",
            payer=one.buyer,
            text=text,
        )
        for place, (one, minor, text) in enumerate(paid)
    ]
    entries += [
        _ENTRY.format(
            amount=render_minor(minor, "USD"),
            sign="DBIT",
            flag="<RvslInd>true</RvslInd>",
            on=on + timedelta(days=3),
            reference=f"R{place}",
            payer=one.buyer,
            text=f"RETURN {text}",
        )
        for place, (one, minor, text) in enumerate(paid[:2])
    ]
    return _statement("same.xml", _CAMT.format("".join(entries)), ends_at + timedelta(days=14))


async def _second_statement(pool: Pool, ends_at: datetime) -> Job:
    """Some pay what is due now."""
    on = (ends_at + timedelta(days=70)).date()
    due = [one for one in await _list_invoices(pool) if one.due_minor > 0]
    lines = [
        f"{on},{render_minor(one.due_minor, 'USD')},{one.buyer},{_text(one)},D{one.buyer}" for one in due[::2]
    ]
    content = "Date,Amount,Payer,Description,Reference\n" + "\n".join(lines) + "\n"
    return _statement("second.csv", content, ends_at + timedelta(days=71))


async def _list_all(pool: Pool) -> list[Invoice]:
    """Invoices with their whole amount, whatever was paid meanwhile."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_DOCUMENTS.replace(_DUE, "d.total_minor"))
        return [Invoice(*row) async for row in cursor]


_DUE = "d.total_minor - d.paid_minor - d.credited_minor - d.written_off_minor"


def _statement(name: str, content: str, at: datetime) -> Job:
    encoded = base64.b64encode(content.encode()).decode()
    return {"name": "import", "file": name, "content": encoded, "at": at.isoformat()}


def _on_document(name: str, place: int, minor: int, days: int) -> Callable[[Pool, datetime], Any]:
    async def make(pool: Pool, ends_at: datetime) -> Job:
        invoice = (await _list_invoices(pool))[place]
        at = (ends_at + timedelta(days=days)).isoformat()
        return {
            "name": name,
            "document": invoice.document_id,
            "minor": minor,
            "key": f"{name} {place}",
            "at": at,
        }

    return make


PLAN: tuple[Callable[[Pool, datetime], Any], ...] = (
    _later("close", 3),
    _first_statement,
    _same_in_camt,
    _later("collect", 15),
    *(_later("collect", 3 + DAYS_DUE + days) for days in (4, 8, 15, 31)),
    _on_document("credit", 1, 300, 65),
    _on_document("write_off", 4, 500, 66),
    _second_statement,
    _later("collect", 72),
)
