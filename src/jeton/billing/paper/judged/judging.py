"""Judging: the job that makes the XML of each document after its issue, and asks the schemas about it.

What is handed out later is made anew and is the same to the byte; its digest is kept here.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import datetime

from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.paper.cii.invoice import render_xml
from jeton.billing.paper.issued import as_issued
from jeton.billing.paper.judged.schemas import PROBLEM_CHARS_MAX, Schemas, name_judge
from jeton.billing.paper.judged.storage import EInvoice, insert_e_invoice, list_unjudged
from jeton.billing.paper.standard.limits import find_obstacle
from jeton.billing.paper.ubl.document import render_ubl
from jeton.billing.words import Document
from jeton.db.pool import Pool

# Of one run; what is left is for the next.
RUN_MAX = 1_000


async def judge_documents(pool: Pool, at: datetime) -> Mapping[str, int]:
    """Judge the documents that were issued since the last time, RUN_MAX at most; how many of each outcome."""
    counts = {"judged": 0, "without": 0, "problems": 0}
    async with pool.connection() as connection:
        document_ids = await list_unjudged(connection, RUN_MAX)
    schemas = Schemas()
    for document_id in document_ids:
        async with pool.connection() as connection:
            document = await get_document(connection, document_id)
        # Some milliseconds, in which others are served.
        found = await asyncio.to_thread(judge, document, schemas, at=at)
        async with pool.connection() as connection:
            await insert_e_invoice(connection, found)
        counts["judged"] += 1
        counts["without"] += bool(found.obstacle)
        counts["problems"] += bool(found.problem)
    return counts


def judge(document: Document, schemas: Schemas, *, at: datetime) -> EInvoice:
    """Make both syntaxes of an issued document and ask the schemas."""
    issued = as_issued(document)
    obstacle = find_obstacle(issued)
    if obstacle is not None:
        return EInvoice(document.document_id, obstacle, "", None, None, name_judge(), at)
    cii, ubl = render_xml(issued), render_ubl(issued)
    is_credit_note = issued.kind == "credit_note"
    problems = (
        ("CII", schemas.find_problem(cii, is_ubl=False, is_credit_note=is_credit_note)),
        ("UBL", schemas.find_problem(ubl, is_ubl=True, is_credit_note=is_credit_note)),
    )
    return EInvoice(
        document_id=document.document_id,
        obstacle="",
        problem="; ".join(f"{name}: {problem}" for name, problem in problems if problem)[:PROBLEM_CHARS_MAX],
        cii_sha256=hashlib.sha256(cii).digest(),
        ubl_sha256=hashlib.sha256(ubl).digest(),
        made_by=name_judge(),
        checked_at=at,
    )
