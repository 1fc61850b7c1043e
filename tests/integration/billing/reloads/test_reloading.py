"""Auto-reload on real PostgreSQL, with a provider that does as it is told: one thing at a time."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

import psycopg
import pytest
from tests.chaos.fleet.payers import NO_TRIAL
from tests.chaos.reloading.playing import BY, STARTS_AT, Door
from tests.chaos.reloading.truth import NAME, NONE, Truth
from tests.integration.billing.invoicing.conftest import RULES
from tests.tax_service.running import SECRET, tax_server

from jeton.billing.payments.arriving.reconciling import reconcile
from jeton.billing.payments.disputing.booking import book_dispute_news
from jeton.billing.payments.saving import choose_default, save_card
from jeton.billing.payments.sending import send_payment
from jeton.billing.payments.till import PaymentTerms, Till
from jeton.billing.payments.words import Hooks
from jeton.billing.providers.tax.hook import TaxHook
from jeton.billing.providers.words import Card, DisputeStatus, ProviderDispute
from jeton.billing.reloads.disputing import lock_rule, switch_off_disputed
from jeton.billing.reloads.ending import record_failure, record_success
from jeton.billing.reloads.errors import NoReloadRuleError, ReloadRuleError
from jeton.billing.reloads.reloader import Reloader
from jeton.billing.reloads.rules import RuleWish, find_rule, save_rule, switch_off
from jeton.billing.reloads.words import Nothing, OffReason, Reload, SwitchOff, Terms
from jeton.billing.taxation.desk import TaxDesk
from jeton.billing.taxing import make_tax_of
from jeton.charging.credits import Grant, grant
from jeton.charging.onboarding import open_organization
from jeton.db.pool import Pool
from jeton.identity.audit import list_audit
from jeton.identity.organizations import Organization
from jeton.ledger.budgets.errors import UnknownZoneError
from jeton.ledger.chart import LotKind

USD = 1_000_000_000
HOUR = timedelta(hours=1)
WISH = RuleWish(threshold_nano=10 * USD, target_nano=50 * USD, ceiling_nano=100 * USD, zone="Europe/Berlin")


@dataclass(slots=True)
class Shop:
    """One organization with $4 of credit, and everything around it."""

    pool: Pool
    truth: Truth
    reloader: Reloader
    organization: Organization

    @property
    def at(self) -> datetime:
        return self.truth.at

    def wait(self, time: timedelta) -> None:
        self.truth.pass_time(self.at + time)

    async def save_card(self, last4: str, *, mood: str = "approves") -> None:
        method = f"pm_{last4}"
        self.truth.moods[method] = mood  # type: ignore[assignment]  # a literal of the caller
        async with self.pool.connection() as connection:
            key = self.organization.organization_id
            card = Card(method, "visa", last4, 2030, 12)
            await choose_default(
                connection, key, await save_card(connection, key, NAME, card, at=self.at), by=BY
            )

    async def save_rule(self, wish: RuleWish = WISH) -> None:
        async with self.pool.connection() as connection:
            await save_rule(connection, self.organization.organization_id, wish, by=BY, at=self.at)

    async def off_reason(self) -> OffReason:
        async with self.pool.connection() as connection:
            rule = await find_rule(connection, self.organization.organization_id)
        assert rule is not None
        return rule.off_reason

    async def fetch(self, query: str) -> list[tuple[object, ...]]:
        async with self.pool.connection() as connection:
            return await (await connection.execute(query)).fetchall()


@pytest.fixture
async def shop(pool: Pool) -> Shop:
    truth = Truth(STARTS_AT, Random(1), NONE)  # noqa: S311 - nothing is drawn with it
    hooks = Hooks(
        settled={"reload": record_success},
        failed={"reload": record_failure},
        disputed=switch_off_disputed,
        locked_first=lock_rule,
    )
    till = Till(pool, Door(truth), PaymentTerms(credit_days=0), hooks=hooks)
    async with pool.connection() as connection:
        organization = await open_organization(connection, name="Shop", trial=NO_TRIAL)
        given = Grant(LotKind.PROMOTIONAL, 4 * USD, "a test")
        await grant(connection, organization.organization_id, given, at=STARTS_AT)
    return Shop(pool, truth, Reloader(till, Terms()), organization)


async def test_what_is_missing_is_bought_once(shop: Shop) -> None:
    await shop.save_card("4242")
    await shop.save_rule()
    assert await shop.reloader.run(shop.at) == {"opened": 1, "ended": 1}
    assert await shop.reloader.run(shop.at) == {"opened": 0, "ended": 0}
    assert await shop.fetch("SELECT amount_nano, balance_nano, card, outcome FROM reloads") == [
        (46 * USD, 4 * USD, "visa 4242 2030-12", "succeeded")
    ]
    assert await shop.fetch("SELECT granted_nano, left_nano FROM lots WHERE kind = 'paid'") == [
        (46 * USD, 46 * USD)
    ]
    (taken,) = shop.truth.taken.values()
    assert (taken.payment.amount_minor, taken.payment.status) == (4_600, "succeeded")


async def test_while_the_tax_service_is_away_nothing_is_bought_and_no_card_is_charged(shop: Shop) -> None:
    """$46 with the service's 19 % are $54.74; while it is away it is asked three times in a look, for all."""
    with tax_server() as service:
        rules = replace(RULES, tax_desk=TaxDesk(TaxHook(service.url, SECRET, timeout_s=5)))
        shop.reloader = Reloader(replace(shop.reloader.till, tax_of=make_tax_of(rules)), Terms())
        await shop.save_card("4242")
        await shop.save_rule()
        async with shop.pool.connection() as connection:
            second = await open_organization(connection, name="Second", trial=NO_TRIAL)
            card = Card("pm_4444", "visa", "4444", 2030, 12)
            method_id = await save_card(connection, second.organization_id, NAME, card, at=shop.at)
            await choose_default(connection, second.organization_id, method_id, by=BY)
            await save_rule(connection, second.organization_id, WISH, by=BY, at=shop.at)
        service.control(failures=100)
        assert await shop.reloader.run(shop.at) == {"opened": 0, "ended": 0}
        assert service.state()["failures"] == 97
        assert shop.truth.taken == {}
        assert await shop.fetch("SELECT 1 FROM payments UNION SELECT 1 FROM reloads") == []
        # It is no failure of the card's: the rule stays on, and nobody is told that it went off.
        assert await shop.off_reason() is OffReason.NONE
        assert await shop.fetch("SELECT type FROM events") == []
        service.control(failures=0)
        shop.wait(timedelta(minutes=1))
        assert await shop.reloader.run(shop.at) == {"opened": 2, "ended": 2}
        asked = service.state()["asked"]
    assert [(one["purpose"], one["net_amount"]) for one in asked] == [
        ("purchase", "46.00"),
        ("purchase", "50.00"),
    ]
    taken = sorted(one.payment.amount_minor for one in shop.truth.taken.values())
    assert taken == [5_474, 5_950]
    assert await shop.fetch("SELECT net_minor, tax_minor FROM payments ORDER BY net_minor") == [
        (4_600, 874),
        (5_000, 950),
    ]
    assert await shop.fetch("SELECT granted_nano FROM lots WHERE kind = 'paid' ORDER BY 1") == [
        (46 * USD,),
        (50 * USD,),
    ]


@pytest.mark.parametrize("end", ["won", "lost"])
async def test_a_dispute_switches_it_off_until_a_member_switches_it_on_again(
    shop: Shop, end: DisputeStatus
) -> None:
    await shop.save_card("4242")
    await shop.save_rule()
    await shop.reloader.run(shop.at)
    ((paid,),) = await shop.fetch("SELECT provider_payment_id FROM payments")
    statuses: tuple[DisputeStatus, ...] = ("open", "open", end)
    for status in statuses:
        news = ProviderDispute("dp_1", str(paid), 4_600, "USD", status, "fraudulent", shop.at)
        async with shop.pool.connection() as connection:
            await book_dispute_news(shop.reloader.till, connection, news, provider=NAME, at=shop.at)
    said = "SELECT data ->> 'reason', data ->> 'balance' FROM events WHERE type = 'reload.switched_off'"
    assert await shop.fetch(said) == [("disputed", "4.00")]
    await shop.save_card("5556")
    shop.wait(HOUR)
    assert await shop.reloader.run(shop.at) == {"opened": 0, "ended": 0}
    assert await shop.off_reason() == OffReason.DISPUTED
    await shop.save_rule(replace(WISH, threshold_nano=60 * USD, target_nano=100 * USD))
    assert await shop.reloader.run(shop.at) == {"opened": 1, "ended": 1}


async def test_many_at_once_open_one(shop: Shop) -> None:
    await shop.save_card("4242")
    await shop.save_rule()
    key = shop.organization.organization_id
    opened = await asyncio.gather(*(shop.reloader.open(key, shop.at) for _ in range(8)))
    assert sorted(type(one.decision).__name__ for one in opened) == ["Nothing"] * 7 + ["Reload"]


async def test_the_database_refuses_a_second_open_one(shop: Shop) -> None:
    await shop.save_card("4242")
    await shop.save_rule()
    await shop.reloader.open(shop.organization.organization_id, shop.at)
    with pytest.raises(psycopg.errors.UniqueViolation, match="reloads_one_open"):
        await shop.fetch(
            "INSERT INTO reloads SELECT reload_id || 'x', organization_id, payment_id || 'x', amount_nano,"
            " balance_nano, pending_nano, card, opened_at FROM reloads RETURNING 1"
        )


async def test_without_a_card_it_goes_off_with_a_mail_and_a_card_brings_it_back(shop: Shop) -> None:
    await shop.save_rule()
    assert await shop.reloader.run(shop.at) == {"opened": 0, "ended": 0}
    assert await shop.off_reason() is OffReason.NO_CARD
    ((type_, data),) = await shop.fetch("SELECT type, data FROM events")
    assert type_ == "reload.switched_off"
    assert data == {"reason": "no_card", "card": "", "balance": "4", "threshold": "10"} or isinstance(
        data, dict
    )
    shop.wait(HOUR)
    await shop.reloader.run(shop.at)
    assert len(await shop.fetch("SELECT 1 FROM events")) == 1
    await shop.save_card("4242")
    assert await shop.reloader.run(shop.at) == {"opened": 1, "ended": 1}
    assert await shop.off_reason() is OffReason.NONE


async def test_a_soft_decline_waits_an_hour_then_four_and_the_fourth_is_the_last(shop: Shop) -> None:
    await shop.save_card("0341", mood="soft")
    await shop.save_rule()
    asked_at = []
    for minute in range(0, 60 * 24 * 5, 30):
        shop.truth.pass_time(STARTS_AT + timedelta(minutes=minute))
        if (await shop.reloader.run(shop.at))["opened"]:
            asked_at.append(minute // 60)
    # After 1, 4 and 16 hours; then it is off.
    assert asked_at == [0, 1, 5, 21]
    assert await shop.off_reason() is OffReason.FAILURES
    await shop.save_rule()
    assert (await shop.reloader.run(shop.at))["opened"] == 1


async def test_a_hard_decline_is_never_asked_again_and_another_card_is(shop: Shop) -> None:
    await shop.save_card("0002", mood="hard")
    await shop.save_rule()
    assert (await shop.reloader.run(shop.at))["opened"] == 1
    await shop.reloader.run(shop.at)
    assert await shop.off_reason() is OffReason.HARD_DECLINE
    shop.wait(24 * HOUR)
    await shop.save_rule()
    opened = await shop.reloader.open(shop.organization.organization_id, shop.at)
    assert opened.decision == SwitchOff(OffReason.HARD_DECLINE)
    await shop.save_card("4242")
    assert await shop.reloader.run(shop.at) == {"opened": 1, "ended": 1}


async def test_the_ceiling_is_told_once_and_raising_it_goes_on(shop: Shop) -> None:
    await shop.save_card("4242")
    await shop.save_rule(RuleWish(10 * USD, 50 * USD, 49 * USD))
    await shop.reloader.run(shop.at)
    await shop.fetch("UPDATE lots SET used_nano = granted_nano, left_nano = 0 RETURNING 1")
    for _ in range(3):
        shop.wait(HOUR)
        key = shop.organization.organization_id
        decision = (await shop.reloader.open(key, shop.at)).decision
        assert isinstance(decision, Nothing)
        assert decision.why == "ceiling"
    assert await shop.fetch("SELECT type, data->>'bought' FROM events WHERE type LIKE 'reload%'") == [
        ("reload.ceiling_reached", "46.00")
    ]
    await shop.save_rule(RuleWish(10 * USD, 50 * USD, 80 * USD))
    opened = await shop.reloader.open(shop.organization.organization_id, shop.at)
    # 80 less 46.
    assert opened.decision == Reload(34 * USD)


async def test_money_that_came_after_all_makes_it_succeeded(shop: Shop) -> None:
    await shop.save_card("0341", mood="soft")
    await shop.save_rule()
    await shop.reloader.run(shop.at)
    assert await shop.fetch("SELECT outcome FROM reloads") == [("soft_decline",)]
    async with shop.pool.connection() as connection:
        (payment_id,) = (await shop.fetch("SELECT payment_id FROM payments"))[0]
        payment = await send_payment(shop.reloader.till, str(payment_id), at=shop.at)
        await record_success(connection, payment, shop.at + HOUR)
        await record_failure(connection, payment, shop.at + 2 * HOUR)
    assert await shop.fetch("SELECT outcome, ended_at = opened_at FROM reloads") == [("succeeded", True)]


async def test_a_payment_older_than_its_key_is_not_sent_again(shop: Shop) -> None:
    """Stripe forgets a key after a day: the same request would be a second charge by then."""
    await shop.save_card("4242")
    await shop.save_rule()
    (payment_id,) = await shop.reloader.look(shop.at)
    shop.wait(24 * HOUR)
    assert (await send_payment(shop.reloader.till, payment_id, at=shop.at)).state == "pending"
    assert shop.truth.taken == {}
    # The comparison finds that the provider never heard of it.
    await reconcile(shop.reloader.till, at=shop.at)
    assert await shop.fetch("SELECT outcome FROM reloads") == [("soft_decline",)]


async def test_credit_for_some_models_only_is_no_balance(shop: Shop) -> None:
    await shop.save_card("4242")
    await shop.save_rule()
    given = Grant(LotKind.PROMOTIONAL, 500 * USD, "a test", models=frozenset({"claude-sonnet-5-5"}))
    async with shop.pool.connection() as connection:
        await grant(connection, shop.organization.organization_id, given, at=STARTS_AT)
    opened = await shop.reloader.open(shop.organization.organization_id, shop.at)
    assert opened.decision == Reload(46 * USD)


async def test_a_rule_is_switched_off_by_a_person_and_stays_off(shop: Shop) -> None:
    key = shop.organization.organization_id
    async with shop.pool.connection() as connection:
        with pytest.raises(NoReloadRuleError):
            await switch_off(connection, key, by=BY, at=shop.at)
    await shop.save_rule()
    async with shop.pool.connection() as connection:
        await switch_off(connection, key, by=BY, at=shop.at)
        audit = await list_audit(connection, organization_id=key)
    await shop.save_card("4242")
    assert await shop.reloader.look(shop.at) == []
    assert [entry.action for entry in audit][:2] == ["reload.switched_off", "reload.rule_saved"]


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        (RuleWish(0, 50 * USD, 100 * USD), "threshold must be more than 0"),
        (RuleWish(10 * USD, 14 * USD, 100 * USD), "target must be from 15"),
        (RuleWish(10 * USD, 50 * USD, 4 * USD), "ceiling must be from 5"),
        (RuleWish(10 * USD + 1, 50 * USD, 100 * USD), "whole cents"),
        (RuleWish(10 * USD, 50 * USD, 100 * USD, cool_down=timedelta(days=32)), "cool-down"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(shop: Shop, wish: RuleWish, sentence: str) -> None:
    with pytest.raises(ReloadRuleError, match=sentence):
        await shop.save_rule(wish)
    assert await shop.fetch("SELECT 1 FROM reload_rules") == []


async def test_a_zone_that_is_none_is_refused(shop: Shop) -> None:
    with pytest.raises(UnknownZoneError):
        await shop.save_rule(RuleWish(10 * USD, 50 * USD, 100 * USD, zone="Europe/Berlim"))
