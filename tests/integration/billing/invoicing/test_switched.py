"""Documents of who paid ahead and is invoiced: each amount is taken from where the ledger has it."""

from dataclasses import replace
from datetime import timedelta

from tests.integration.billing.invoicing.conftest import OPERATOR, USD, Office

from jeton.billing.invoicing.profiles import ProfileChange
from jeton.billing.switching.last_documents import issue_pending, make_issue_last
from jeton.billing.switching.switching import switch_to_invoiced, switch_to_prepaid
from jeton.billing.switching.words import SwitchAsk
from jeton.charging.credits.reversing import reverse_charge
from jeton.charging.words import Metered, Rule
from jeton.clock import now
from jeton.pricing.rating import STANDARD
from jeton.usage import Usage

COMPLETE = ProfileChange(
    country="US", legal_name="Example Inc", street="Road 2", city="Town", emails=("a@example.com",)
)


async def test_what_was_overrun_before_a_switch_is_owed_and_what_was_used_after_it_accrued(
    office: Office,
) -> None:
    """$5 of trial: $1 is held, $5.80 are used ($1.80 are owed), then on credit $2 of what was held before.

    A month later $1 of what was owed is reversed. The money test found that it was taken out of accrued.
    """
    world = office.world
    await office.set_profile(COMPLETE)
    held = await world.hold(USD)
    overrun = await world.bill(Usage(2_900_000))
    async with office.pool.connection() as connection:
        ask = SwitchAsk(OPERATOR, now(), "a test")
        await switch_to_invoiced(connection, office.organization_id, ask, limit_nano=100 * USD)
    used = Usage(1_500_000)
    await world.charging.settle(held, Metered(Rule.COMPLETED, used, "upstream", STANDARD, "{}"))
    before = await office.balances()
    assert (before["receivable_nano"], before["accrued_nano"]) == (1_800_000_000, 2_000_000_000)

    office.rules = replace(office.rules, tax_rates=())
    at = await office.end()
    await office.close(at)
    balances = await office.balances()
    assert (balances["receivable_nano"], balances.get("accrued_nano", 0)) == (3_800_000_000, 0)

    async with office.pool.connection() as connection:
        await reverse_charge(connection, overrun.request_id, reason="x", by=OPERATOR, amount_nano=USD)
    closing = await office.close(at + timedelta(days=31))
    assert closing.documents == {"credit_note": 1}
    balances = await office.balances()
    assert (balances["receivable_nano"], balances.get("accrued_nano", 0)) == (2_800_000_000, 0)
    proof = await office.proof()
    assert proof.is_sound, proof.findings


async def test_a_month_in_which_it_paid_ahead_has_no_minimum(office: Office) -> None:
    """Invoiced since today: no $100 for this month, which is half over, but $100 for the next one.

    Then it pays ahead again, within a month: its last invoice is of the beginning of that month only.
    """
    await office.set_profile(replace(COMPLETE, minimum_nano=100 * USD))
    async with office.pool.connection() as connection:
        ask = SwitchAsk(OPERATOR, now(), "a contract")
        await switch_to_invoiced(connection, office.organization_id, ask, limit_nano=900 * USD)
    await office.world.bill(Usage(3_000_000))
    (draft,) = await office.draft()
    async with office.pool.connection() as connection:
        # It was there before the month began.
        await connection.execute("UPDATE organizations SET created_at = %s", (draft.period_from,))
    office.rules = replace(office.rules, tax_rates=())
    first, second = draft.period_to + timedelta(days=3), draft.period_to + timedelta(days=34)

    await office.close(first)
    assert (await office.balances()).get("breakage_nano", 0) == 0
    await office.close(second)
    assert (await office.balances())["breakage_nano"] == -100 * USD

    await office.world.bill(Usage(1_000_000))
    async with office.pool.connection() as connection:
        ask = SwitchAsk(OPERATOR, second + timedelta(days=10), "it ends")
        await switch_to_prepaid(connection, office.organization_id, ask, may_issue_last=True)
    at = second + timedelta(days=11)
    issued = await issue_pending(office.pool, make_issue_last(office.rules, at), at)
    assert (issued.done, issued.problems) == (1, {})
    assert (await office.balances())["breakage_nano"] == -100 * USD
    assert (await office.proof()).is_sound
