"""The FOCUS export: its columns and words, and that it says what documents, ledger and pages say."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from tempfile import TemporaryFile

from arro3.io import read_parquet
from tests.integration.billing.invoicing.conftest import OPERATOR, Office
from tests.integration.billing.invoicing.test_purchases import sale

from jeton.billing.currencies import render_minor
from jeton.billing.focus.columns import COLUMNS
from jeton.billing.focus.words import FocusAsk
from jeton.billing.focus.writing import FocusForm, save_export
from jeton.billing.invoicing.correcting import Request, cancel_document, credit_document
from jeton.billing.invoicing.documents.reading import DocumentFilter, list_documents
from jeton.billing.invoicing.profiles import ProfileChange
from jeton.billing.invoicing.purchases import issue_purchase_receipt, issue_refund_note
from jeton.billing.invoicing.rates import RateNote, note_rate
from jeton.billing.words import Document
from jeton.charging.credits.reversing import reverse_charge
from jeton.clock import now
from jeton.identity.organizations import WorkspaceChange, change_workspace
from jeton.insight.explore.question import Question
from jeton.insight.explore.reading import explore
from jeton.insight.explore.stretches import Stretch, of_days
from jeton.insight.verify import snapshot
from jeton.ledger.chart import LotKind
from jeton.pricing.rating import Conditions

Row = dict[str, str]
EVERYTHING = of_days(date(2026, 9, 1), date(2100, 1, 1))
NANO = Decimal(10) ** 9
BATCH = Conditions(service_tier="batch", inference_geo="us")


async def export(
    office: Office,
    form: FocusForm,
    *,
    stretch: Stretch = EVERYTHING,
    where: Mapping[str, tuple[str, ...]] | None = None,
) -> bytes:
    with TemporaryFile() as file:
        async with office.pool.connection() as connection, snapshot(connection):
            ask = FocusAsk(office.organization_id, stretch, where or {})
            await save_export(connection, ask, file, form=form, rules=office.rules)
        file.seek(0)
        return file.read()


async def rows_of(office: Office, stretch: Stretch = EVERYTHING, **where: tuple[str, ...]) -> list[Row]:
    text = (await export(office, "csv", stretch=stretch, where=where)).decode()
    return [*csv.DictReader(io.StringIO(text))]


def total(rows: list[Row], column: str = "BilledCost") -> Decimal:
    return sum((Decimal(row[column]) for row in rows), Decimal())


async def list_all(office: Office) -> list[Document]:
    async with office.pool.connection() as connection:
        return [*await list_documents(connection, DocumentFilter(office.organization_id))]


async def due_nano(office: Office) -> int:
    """What was used and no credit paid, with what was supplemented for it after the fact."""
    async with office.pool.connection() as connection:
        query = "SELECT coalesce(sum(amount_nano), 0)::bigint FROM supplemented_charges"
        ((supplemented_nano,),) = await (await connection.execute(query)).fetchall()
        report = await explore(connection, Question(office.organization_id, EVERYTHING))
        return report.totals.due_nano + int(supplemented_nano)


async def compare(office: Office, rows: list[Row]) -> None:
    """Each document comes to what it asks for, all rows to what the ledger has, and no rule is broken."""
    by_invoice: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        check_rules(row)
        by_invoice[row["InvoiceId"]].append(row)
    documents = await list_all(office)
    assert by_invoice.keys() - {""} <= {one.number for one in documents}
    for one in documents:
        sign = -1 if one.kind == "credit_note" else 1
        payable = Decimal(render_minor(sign * one.total_minor, one.currency))
        assert total(by_invoice[one.number]) == payable, one.number
        for row in by_invoice[one.number]:
            assert row["BillingCurrency"] == one.currency
            if row["ChargeDescription"].startswith("Rounding"):
                assert abs(Decimal(row["BilledCost"])) < Decimal("0.05")
    # Tax, goodwill and what is sold in advance are no usage.
    used = [row for row in rows if row["ChargeCategory"] not in {"Tax", "Purchase"}]
    given = {one.number for one in documents if one.purpose == "allowance"}
    used = [row for row in used if row["InvoiceId"] not in given]
    assert total(used, "PricingCurrencyEffectiveCost") * NANO == await due_nano(office)


def check_rules(row: Row) -> None:
    """The rules of FOCUS 1.2 about single rows, by column and by what kind of charge it is."""
    category, is_correction = row["ChargeCategory"], row["ChargeClass"] == "Correction"
    for name, column in COLUMNS.items():
        value = row[name]
        assert value or column.may_be_null, (name, row)
        assert not value or not column.allowed or value in column.allowed, (name, value)
        if value and column.kind == "decimal":
            assert Decimal(value).is_finite()
            assert "E" not in value.upper()
        if value and column.kind == "time":
            assert value.endswith("Z")
            assert datetime.fromisoformat(value).tzinfo
        if value and column.kind == "pairs":
            pairs = json.loads(value)
            assert all(isinstance(said, str) for said in pairs.values())
    prices = ("ListUnitPrice", "ContractedUnitPrice", "PricingCurrencyListUnitPrice", "PricingQuantity")
    needed = (*prices, "PricingUnit", "SkuId", "SkuPriceId", "PricingCategory")
    if category == "Tax":
        assert not any(row[name] for name in needed), row
    if category in {"Usage", "Purchase"} and not is_correction:
        assert all(row[name] for name in needed), row
    if row["PricingQuantity"]:
        for name in ("List", "Contracted"):
            price = Decimal(row[f"{name}UnitPrice"])
            assert price >= 0
            off = price * Decimal(row["PricingQuantity"]) - Decimal(row[f"{name}Cost"])
            assert abs(off) < Decimal("1e-15"), row
    assert bool(row["ConsumedQuantity"]) == (category == "Usage") == bool(row["ConsumedUnit"])
    assert category != "Purchase" or (
        row["ChargeFrequency"] == "One-Time" and Decimal(row["EffectiveCost"]) == 0
    )
    for owner, owned in (("SubAccountId", "SubAccountName"), ("SubAccountId", "SubAccountType")):
        assert bool(row[owner]) == bool(row[owned])
    assert bool(row["ResourceId"]) == bool(row["ResourceType"])
    assert bool(row["RegionId"]) == bool(row["RegionName"])
    assert bool(row["SkuPriceId"]) or not row["SkuPriceDetails"]
    assert row["ChargePeriodStart"] < row["ChargePeriodEnd"]
    assert row["BillingPeriodStart"] < row["BillingPeriodEnd"]


async def test_every_document_comes_to_its_total_and_all_rows_to_the_ledger(office: Office) -> None:
    await office.set_invoiced()
    await office.set_profile(
        ProfileChange(country="DE", legal_name="Example GmbH", currency="EUR", zone="Europe/Berlin")
    )
    world = office.world
    assert world.key.workspace_id is not None
    async with office.pool.connection() as connection:
        note = RateNote("EUR", "0.9215", date(2026, 1, 1), "a test")
        await note_rate(connection, note, by=OPERATOR, at=now())
        change = WorkspaceChange(cost_center="R&D", purchase_order="PO-7")
        await change_workspace(
            connection, office.organization_id, world.key.workspace_id, change, by=OPERATOR
        )
        bought = sale(office, "pay_1", 10_000, 1_900)
        back = sale(office, "refund_1", 2_500, 475)
        await issue_purchase_receipt(connection, bought, rules=office.rules, at=now())
        await issue_refund_note(connection, back, payment_id="pay_1", rules=office.rules, at=now())
    for number in range(190):
        await world.bill(conditions=BATCH if number % 3 else Conditions())
    # Nothing is invoiced yet: usage has no document, and the words and sums hold all the same.
    await compare(office, await rows_of(office))

    (draft,) = await office.draft()
    at = office.end_of(draft)
    await office.close(at)
    await compare(office, await rows_of(office))

    # What is reversed after that, and goodwill, and a document that is cancelled and made anew.
    async with office.pool.connection() as connection:
        asked = DocumentFilter(office.organization_id, kinds=("invoice",))
        (issued,) = await list_documents(connection, asked)
        request = Request(office.rules, OPERATOR, "wrong address", at + timedelta(days=1))
        await cancel_document(connection, issued.number, request, is_reissue=True)
    async with office.pool.connection() as connection:
        await reverse_charge(connection, world.requests[-1], reason="a mistake", by=OPERATOR)
    await world.bill()
    await compare(office, await rows_of(office))
    await office.close(at + timedelta(days=32))
    rows = await rows_of(office)
    await compare(office, rows)
    assert {row["ChargeCategory"] for row in rows} == {"Usage", "Purchase", "Tax", "Credit", "Adjustment"}
    assert any(row["ChargeClass"] == "Correction" for row in rows)

    batch = next(row for row in rows if "batch" in row["ChargeDescription"] and row["SkuPriceDetails"])
    assert json.loads(batch["SkuPriceDetails"])["x_BatchFactor"] == "0.5"
    assert json.loads(batch["Tags"]) == {"jeton/cost_center": "R&D", "jeton/purchase_order": "PO-7"}
    assert (batch["RegionId"], batch["ResourceName"]) == ("us", "first key")
    in_dollars = Decimal(batch["PricingCurrencyListUnitPrice"])
    assert Decimal(batch["ListUnitPrice"]) == in_dollars * Decimal("0.9215")


async def test_goodwill_is_a_credit_of_a_later_period(office: Office) -> None:
    await office.set_invoiced()
    for _ in range(190):
        await office.world.bill()
    (draft,) = await office.draft()
    at = office.end_of(draft)
    await office.close(at)
    async with office.pool.connection() as connection:
        (issued,) = await list_documents(connection, DocumentFilter(office.organization_id))
        request = Request(office.rules, OPERATOR, "for the outage", at + timedelta(days=1), "key-1")
        await credit_document(connection, issued.number, 10, request)
    rows = await rows_of(office)
    await compare(office, rows)
    noted = [row for row in rows if row["InvoiceId"].startswith("CRN")]
    (goodwill,) = [row for row in noted if row["ChargeCategory"] == "Credit"]
    assert (goodwill["BilledCost"], goodwill["ChargeClass"]) == ("-0.1", "Correction")


async def test_credit_that_was_bought_is_billed_when_it_is_bought(office: Office) -> None:
    # The trial pays $5.00; of the rest nothing is asked for again.
    await office.world.grant(10 * 10**9, kind=LotKind.PAID)
    for _ in range(200):
        await office.world.bill()
    rows = [row for row in await rows_of(office) if row["ChargeCategory"] == "Usage"]
    assert total(rows, "EffectiveCost") == Decimal("5.8")
    credit = [row for row in await rows_of(office) if row["ChargeCategory"] == "Credit"]
    assert total(credit) == -total(rows) == Decimal(-5)
    at = await office.end()
    await office.close(at)
    await compare(office, await rows_of(office))


async def test_parquet_has_the_rows_of_the_csv_and_filters_leave_usage_alone(office: Office) -> None:
    await office.set_invoiced()
    for number in range(6):
        await office.world.bill(conditions=BATCH if number % 2 else Conditions())
    at = await office.end()
    await office.close(at)
    rows = await rows_of(office)
    table = read_parquet(io.BytesIO(await export(office, "parquet"))).read_all()
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    assert [*columns] == [*COLUMNS] == [*rows[0]]
    for name in ("BilledCost", "ListCost", "PricingQuantity"):
        assert columns[name] == [Decimal(row[name]) if row[name] else None for row in rows]
    assert columns["InvoiceId"] == [row["InvoiceId"] or None for row in rows]
    starts = [datetime.fromisoformat(row["ChargePeriodStart"]) for row in rows]
    assert columns["ChargePeriodStart"] == starts

    batch = await rows_of(office, service_tier=("batch",))
    assert {row["ChargeCategory"] for row in batch} == {"Usage", "Credit"}
    # Three times V1, at half of $0.0319: 3 x (0.004 + 0.010 + 0.015) x 1.1 / 2.
    used = [row for row in batch if row["ChargeCategory"] == "Usage"]
    assert total(used, "EffectiveCost") == Decimal("0.04785")
    assert not await rows_of(office, key_id=("key_nobody",))

    # What is cancelled and not made anew is billed with the next document, and once.
    async with office.pool.connection() as connection:
        (issued,) = await list_documents(connection, DocumentFilter(office.organization_id))
        request = Request(office.rules, OPERATOR, "wrong address", at + timedelta(days=1))
        await cancel_document(connection, issued.number, request, is_reissue=False)
    await compare(office, await rows_of(office))
    await office.close(at + timedelta(days=32))
    await compare(office, await rows_of(office))
    # What is exported in two parts comes to the same as at once.
    cut_at = at - timedelta(days=3)
    halves = [Stretch(EVERYTHING.starts_at, cut_at), Stretch(cut_at, EVERYTHING.ends_at)]
    parts = [row for half in halves for row in await rows_of(office, half)]
    await compare(office, parts)
