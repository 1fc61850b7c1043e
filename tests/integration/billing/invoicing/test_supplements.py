"""Supplements of re-rating: by two people, on the next document, exact in the books, and once."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from tests.integration.billing.invoicing.conftest import OPERATOR, USD, Office
from tests.integration.billing.invoicing.test_correcting import cancel, list_all
from tests.integration.billing.invoicing.test_focus import compare, rows_of
from tests.integration.billing.invoicing.test_switched import COMPLETE
from tests.integration.world import OLD_SONNET

from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.invoicing.drafting.commitments import Agreed, agree_commitment
from jeton.billing.invoicing.profiles import ProfileChange
from jeton.billing.paper.bundle.verifying import verify_bundle
from jeton.billing.paper.files import save_bundle
from jeton.billing.rerating.errors import (
    ReratingPersonError,
    ReratingRefusedError,
    ReratingStateError,
)
from jeton.billing.rerating.reratings import decide_rerating, get_rerating, propose_rerating
from jeton.billing.rerating.supplements import (
    SupplementAsk,
    approve_supplement,
    decline_supplement,
    list_supplements,
    propose_supplement,
)
from jeton.billing.switching.switching import switch_to_invoiced
from jeton.billing.switching.words import SwitchAsk
from jeton.billing.words import Document
from jeton.charging.credits.reversing import reverse_charge
from jeton.clock import now
from jeton.identity.audit import Actor
from jeton.insight.receipt import get_receipt
from jeton.insight.receipt_json import render_receipt
from jeton.insight.rerating.ranged import Span
from jeton.insight.usage import DayRange, list_daily_usage

SECOND = Actor("operator", "second@example.com")


async def rerate(office: Office) -> str:
    """Everything so far at the older price, at which a request is $0.01 more; approved."""
    async with office.pool.connection() as connection:
        span = Span(
            OLD_SONNET.model,
            OLD_SONNET.price_version_id,
            now() - timedelta(days=1),
            now(),
            office.organization_id,
        )
        rerating_id = await propose_rerating(connection, span, reason="the older price", by=OPERATOR)
        await decide_rerating(connection, rerating_id, "approved", by=SECOND)
        assert (await get_rerating(connection, rerating_id)).state == "done"
    return rerating_id


async def ask(office: Office, rerating_id: str, organization_id: UUID | None = None) -> str:
    async with office.pool.connection() as connection:
        wanted = SupplementAsk(rerating_id, organization_id or office.organization_id, "as agreed", OPERATOR)
        return await propose_supplement(connection, wanted)


async def approve(office: Office, rerating_id: str, supplement_id: str, by: Actor = SECOND) -> None:
    async with office.pool.connection() as connection:
        await approve_supplement(connection, rerating_id, supplement_id, by=by)


async def charge(office: Office) -> str:
    """Re-rate everything so far and charge what it is more; the re-rating."""
    rerating_id = await rerate(office)
    await approve(office, rerating_id, await ask(office, rerating_id))
    return rerating_id


async def bill(office: Office, requests: int) -> None:
    for _ in range(requests):
        await office.world.bill()


async def close(office: Office, at: datetime) -> Document:
    """Close what is due; the newest document, with its lines."""
    await office.close(at)
    (newest, *_) = await list_all(office)
    async with office.pool.connection() as connection:
        return await get_document(connection, newest.document_id)


async def test_what_was_charged_too_little_is_on_the_next_invoice_and_exact_everywhere(
    office: Office, tmp_path: Path
) -> None:
    """200 requests were billed at $0.029; at the older price they are $0.039, so $2 and its tax follow."""
    await office.set_invoiced()
    await bill(office, 200)
    first = await close(office, await office.end())
    before = await office.balances()
    rerating_id = await rerate(office)
    supplement_id = await ask(office, rerating_id)
    assert await ask(office, rerating_id) == supplement_id
    with pytest.raises(ReratingPersonError):
        await approve(office, rerating_id, supplement_id, OPERATOR)
    assert await office.balances() == before

    await approve(office, rerating_id, supplement_id)
    await approve(office, rerating_id, supplement_id)

    after = await office.balances()
    assert after["accrued_nano"] - before.get("accrued_nano", 0) == 2 * USD
    assert before["revenue_nano"] - after["revenue_nano"] == 2 * USD
    assert (await office.proof()).is_sound
    second = await close(office, first.period_to + timedelta(days=40))
    (line,) = second.lines
    assert (line.kind, line.net_nano, line.corrects) == ("adjustment", 2 * USD, first.number)
    assert (line.period_from, second.kind, second.total_minor) == (first.period_from, "invoice", 200 + 38)
    assert rerating_id in line.description
    assert "accrued_nano" not in await office.balances()
    assert (await office.proof()).is_sound

    # Reports of usage have what was used; documents that and the supplement, to the nano.
    async with office.pool.connection() as connection:
        days = DayRange.last(2, at=now())
        report = await list_daily_usage(connection, office.organization_id, range_=days)
    usage_nano = 200 * 29_000_000
    assert report.totals.net_nano == usage_nano
    lines = [one for one in (*first.lines, *second.lines) if one.kind in ("usage", "adjustment")]
    assert sum(one.net_nano for one in lines) == usage_nano + 2 * USD

    # Its bundle proves itself, FOCUS has it as a correction, the receipt says it.
    async with office.pool.connection() as connection:
        with (tmp_path / "bundle.zip").open("wb") as file:
            await save_bundle(connection, second, file)
    assert verify_bundle(tmp_path / "bundle.zip")[1].is_sound
    rows = await rows_of(office)
    await compare(office, rows)
    (row,) = [row for row in rows if row["ChargeDescription"] == line.description]
    assert (row["ChargeCategory"], row["ChargeClass"]) == ("Adjustment", "Correction")
    async with office.pool.connection() as connection:
        receipt = await get_receipt(connection, office.organization_id, office.world.requests[0])
    said = render_receipt(receipt)["rerated"]
    assert isinstance(said, dict)
    assert (said["charged_later"], said["supplement_id"]) == ("0.01", supplement_id)

    # Cancelled and made anew it is billed again, and never twice.
    (again,) = (await cancel(office, second, is_reissue=True)).documents
    assert [one.key for one in again.lines] == [line.key]
    with pytest.raises(ReratingRefusedError, match="less or more"):
        await rerate(office)
    assert (await office.proof()).is_sound


async def test_in_the_period_that_runs_it_stands_beside_the_usage(office: Office) -> None:
    await office.set_invoiced()
    await bill(office, 200)
    at = await office.end()
    await charge(office)

    document = await close(office, at)

    (line,) = [one for one in document.lines if one.key.startswith("supplement|")]
    assert (line.net_nano, line.corrects, line.period_from) == (2 * USD, "", document.period_from)
    assert "accrued_nano" not in await office.balances()
    assert (await office.proof()).is_sound


async def test_it_counts_towards_a_commitment_and_a_minimum(office: Office) -> None:
    """Of $10, $5.80 were used and $2 more are charged for it: $2.20 are missing, and no $4.20 beside them."""
    await office.set_invoiced()
    await bill(office, 200)
    (draft,) = await office.draft()
    agreed = Agreed(10 * USD, draft.period_from, draft.period_to, "a framework contract")
    async with office.pool.connection() as connection:
        await agree_commitment(connection, office.organization_id, agreed, by=OPERATOR, at=now())
        # Only whole periods have a minimum.
        await connection.execute("UPDATE organizations SET created_at = %s", (draft.period_from,))
    await office.set_profile(ProfileChange(minimum_nano=9 * USD))
    await charge(office)

    document = await close(office, draft.period_to + timedelta(days=3))

    missing = {line.kind: line.net_nano for line in document.lines if line.kind in {"true_up", "minimum"}}
    assert missing == {"true_up": 2_200_000_000, "minimum": 1_200_000_000}
    assert (await office.proof()).is_sound


async def test_a_prepaid_organization_is_never_supplemented(office: Office) -> None:
    await bill(office, 1)
    rerating_id = await rerate(office)
    with pytest.raises(ReratingRefusedError, match="invoiced"):
        await ask(office, rerating_id)


async def test_what_was_paid_ahead_stays_forgiven_once_it_is_invoiced(office: Office) -> None:
    """Only the requests since the switch are charged later: of three, two."""
    await office.set_profile(COMPLETE)
    await bill(office, 1)
    asked = SwitchAsk(OPERATOR, now(), "a contract")
    async with office.pool.connection() as connection:
        await switch_to_invoiced(connection, office.organization_id, asked, limit_nano=100 * USD)
    await bill(office, 2)
    rerating_id = await rerate(office)
    supplement_id = await ask(office, rerating_id)
    async with office.pool.connection() as connection:
        (supplement,) = await list_supplements(connection, rerating_id)
    assert (supplement.supplement_id, supplement.requests) == (supplement_id, 2)


async def test_what_is_not_as_it_was_asked_for_is_not_charged(office: Office) -> None:
    await office.set_invoiced()
    await bill(office, 2)
    rerating_id = await rerate(office)
    supplement_id = await ask(office, rerating_id)
    async with office.pool.connection() as connection:
        await reverse_charge(connection, office.world.requests[0], reason="goodwill", by=OPERATOR)
    with pytest.raises(ReratingStateError, match="ask again"):
        await approve(office, rerating_id, supplement_id)
    async with office.pool.connection() as connection:
        await decline_supplement(connection, rerating_id, supplement_id, by=SECOND)
    with pytest.raises(ReratingStateError, match="declined"):
        await approve(office, rerating_id, supplement_id)

    await approve(office, rerating_id, await ask(office, rerating_id))

    async with office.pool.connection() as connection:
        supplements = await list_supplements(connection, rerating_id)
    assert [(one.state, one.requests) for one in supplements] == [("declined", 2), ("done", 1)]
    assert (await office.proof()).is_sound


async def test_a_supplement_that_was_moved_to_another_month_is_found(office: Office) -> None:
    await office.set_invoiced()
    await bill(office, 1)
    await charge(office)
    async with office.pool.connection() as connection:
        await connection.execute("ALTER TABLE supplemented_charges DISABLE TRIGGER USER")
        await connection.execute("UPDATE supplemented_charges SET held_at = held_at - interval '31 days'")
    (finding,) = (await office.proof()).findings
    assert finding == (
        f"The supplement of {office.world.requests[0]} is of another time or organization than its charge."
    )
