"""An organization that is invoiced, with documents as their own package stores them."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.storage import find_open_document
from jeton.billing.receivables.words import OpenDocument
from jeton.billing.words import Party
from jeton.charging.credits.books import open_desk
from jeton.charging.onboarding import TrialTerms, open_organization
from jeton.db.pool import Connection, Pool
from jeton.identity.audit import Actor
from jeton.ids import new_id
from jeton.insight.verify import verify
from jeton.ledger.chart import Account
from jeton.ledger.transaction import NO_LOT, Movement, Posting

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
ADA = Actor("operator", "ada")
ACT = Act(ADA, AT, "the bank says so")
NANO_PER_CENT = 10_000_000
BUYER = Party(name="ACME GmbH", street="", city="", postal_code="", country="DE")

_INSERT = """
    INSERT INTO documents (document_id, organization_id, kind, purpose, state, number, series, sequence,
        seller, buyer, currency, rate, period_from, period_to, zone, issued_at, issued_on, due_on,
        purchase_order, terms, taxes, notes, remittance, lines_count, lines_minor, tax_minor, total_minor,
        net_nano, tax_nano, total_nano)
    VALUES (%(id)s, %(organization)s, %(kind)s, 'period', 'issued', %(number)s, 'TEST-', %(sequence)s,
        %(buyer)s, %(buyer)s, %(currency)s, '1', %(from)s, %(to)s, %(zone)s, %(at)s, %(on)s, %(due)s,
        '', '', '[]', '{}', %(remittance)s,
        0, %(net)s, %(tax)s, %(total)s, %(net_nano)s, %(tax_nano)s, %(total_nano)s)
"""


@dataclass(slots=True)
class House:
    """A connection's worth of one organization and its documents."""

    pool: Pool
    organization_id: UUID
    numbers: list[str] = field(default_factory=list)

    async def issue(
        self,
        total_minor: int,
        *,
        tax_minor: int = 0,
        currency: str = "USD",
        total_nano: int | None = None,
        due_on: date = date(2026, 11, 30),
    ) -> str:
        """Issue an invoice: what was used on credit is owed now, with its tax."""
        sequence = len(self.numbers) + 1
        document_id = new_id("inv")
        nano = total_minor * NANO_PER_CENT if total_nano is None else total_nano
        tax_nano = nano * tax_minor // total_minor
        month = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=31 * sequence)
        async with self.pool.connection() as connection:
            async with open_desk(connection, self.organization_id, at=AT) as desk:
                postings = (
                    Posting(Account.RECEIVABLE, NO_LOT, nano),
                    Posting(Account.TAX, NO_LOT, -tax_nano),
                    Posting(Account.REVENUE, NO_LOT, tax_nano - nano),
                )
                desk.batch.book(desk.book, Movement.INVOICE_ISSUE, postings)
            values = {
                "id": document_id, "organization": self.organization_id, "kind": "invoice",
                "number": f"INV-2026-{sequence:06d}", "sequence": sequence, "currency": currency,
                "buyer": Jsonb(asdict(BUYER)), "zone": "Europe/Berlin",
                "from": month, "to": month + timedelta(days=31),
                "at": AT, "on": AT.date(), "due": due_on, "net": total_minor - tax_minor, "tax": tax_minor,
                "remittance": Jsonb({"iban": "DE02120300000000202051"}), "total": total_minor,
                "net_nano": nano - tax_nano, "tax_nano": tax_nano, "total_nano": nano,
            }  # fmt: skip
            await connection.execute(_INSERT, values)
        self.numbers.append(document_id)
        return document_id

    async def document(self, document_id: str) -> OpenDocument:
        """The document as it is now."""
        async with self.pool.connection() as connection:
            return await find_open_document(connection, document_id)

    async def balances(self) -> dict[str, int]:
        """The accounts that are not at zero, in nano."""
        async with self.pool.connection() as connection:
            return await read_balances(connection, self.organization_id)

    async def is_sound(self) -> bool:
        """Whether ``jeton ledger verify`` finds nothing."""
        async with self.pool.connection() as connection:
            return not (await verify(connection)).findings


async def read_balances(connection: Connection, organization_id: UUID) -> dict[str, int]:
    row = await (
        await connection.execute(
            "SELECT receivable_nano, cash_nano, tax_nano, revenue_nano, bad_debt_nano FROM balances"
            " WHERE organization_id = %s",
            (organization_id,),
        )
    ).fetchone()
    assert row is not None
    names = ("receivable", "cash", "tax", "revenue", "bad_debt")
    return {name: nano for name, nano in zip(names, row, strict=True) if nano}


@pytest.fixture
async def house(pool: Pool) -> House:
    """An organization without anything."""
    async with pool.connection() as connection:
        organization = await open_organization(connection, name="ACME", trial=TrialTerms(0, days=30))
    return House(pool, organization.organization_id)
