"""Playing: organizations that use credit, change cards and rules and buy by hand, each by its own seed.

A wave is so many of them in one database, on one clock that jumps by seconds or by weeks, with two nodes
that look at the same instant, and die between any two steps.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import get_args
from uuid import UUID

from tests.chaos.fleet.payers import NO_TRIAL
from tests.chaos.reloading.truth import HEAVY, NAME, NONE, Crash, Mood, Truth

from jeton import clock
from jeton.billing.payments.arriving.receiving import receive_webhook
from jeton.billing.payments.arriving.reconciling import reconcile, settle_open
from jeton.billing.payments.buying.purchasing import Purchase, buy_credit, new_purchase_id
from jeton.billing.payments.saving import choose_default, save_card
from jeton.billing.payments.till import PaymentTerms, Till
from jeton.billing.payments.words import Hooks, Payment, PaymentHook
from jeton.billing.providers.errors import ProviderUnreachableError
from jeton.billing.providers.opening import ProviderDoor
from jeton.billing.providers.provider import Provider
from jeton.billing.providers.words import Card
from jeton.billing.reloads.ending import record_failure, record_success
from jeton.billing.reloads.reloader import Reloader
from jeton.billing.reloads.rules import RuleWish, save_rule, switch_off
from jeton.billing.reloads.words import Terms
from jeton.charging.charging import Charging
from jeton.charging.credits import Grant, grant
from jeton.charging.members import Member, Outcome
from jeton.charging.onboarding import open_organization
from jeton.charging.posting import Posting
from jeton.charging.price_versions import record_price_versions
from jeton.charging.words import HoldAsk, Metered, Rule
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import Connection, Pool
from jeton.errors import InsufficientCreditError, JetonError
from jeton.identity.audit import Actor
from jeton.ids import new_id
from jeton.ledger.chart import LotKind
from jeton.pricing.book import PriceVersion
from jeton.pricing.loading import load_book
from jeton.pricing.rating import STANDARD
from jeton.usage import Usage

USD = 1_000_000_000
# Long before any clock, so that credit of the schedule's time is in force for those who go by the real one.
STARTS_AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
MODEL = "claude-sonnet-5-5"
# Output of that model: $10 per million tokens.
NANO_PER_TOKEN = 10_000
TICKS = 20
STEPS = (
    timedelta(seconds=5),
    timedelta(seconds=40),
    timedelta(minutes=7),
    timedelta(hours=2),
    timedelta(hours=30),
    timedelta(days=6),
)
ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland")
BY = Actor("member", "ada@example.com")
TERMS = Terms(failures_max=3, back_off_first=timedelta(minutes=5), back_off_max=timedelta(days=1))
QUIET_ROUNDS_MAX = 60


class Door(ProviderDoor):
    """Opens to a truth."""

    def __init__(self, truth: Truth) -> None:
        """``truth`` is the provider."""
        super().__init__(None)
        self._truth = truth

    async def open(self) -> Provider:
        """The truth."""
        return self._truth


@dataclass(slots=True)
class Player:
    """One organization and what is known of it from outside."""

    seed: int
    random: Random
    organization_id: UUID
    wish: RuleWish
    granted_nano: int
    used_nano: int = 0
    cards: int = 0
    method: str = ""


@dataclass(slots=True)
class Wave:
    """Everything that plays together."""

    pool: Pool
    truth: Truth
    till: Till
    nodes: tuple[Reloader, ...]
    charging: Charging
    version: PriceVersion
    random: Random
    players: list[Player] = field(default_factory=list)
    crashes: int = 0
    is_quiet: bool = False

    @property
    def at(self) -> datetime:
        """The instant that all go by."""
        return self.truth.at


def open_wave(pool: Pool, commits: GroupCommit[Member, Outcome], seed: int) -> Wave:
    """A wave without anybody in it yet."""
    random = Random(f"wave {seed}")  # noqa: S311 - a seed, so that a wave can be repeated
    truth = Truth(STARTS_AT, random, HEAVY)
    version = load_book().find_version(MODEL, clock.now())
    assert version is not None
    wave: Wave

    def dying(hook: PaymentHook) -> PaymentHook:
        async def run(connection: Connection, payment: Payment, at: datetime) -> None:
            await hook(connection, payment, at)
            if not wave.is_quiet and random.random() < 0.05:
                # Before the transaction is committed: nothing of it may stay.
                raise Crash

        return run

    till = Till(
        pool,
        Door(truth),
        PaymentTerms(credit_days=0),
        hooks=Hooks(settled={"reload": dying(record_success)}, failed={"reload": dying(record_failure)}),
    )
    charging = Charging(commits, node_id="node_chaos", validity_s=900)
    wave = Wave(pool, truth, till, (Reloader(till, TERMS), Reloader(till, TERMS)), charging, version, random)
    return wave


async def join(wave: Wave, seed: int) -> None:
    """An organization with some credit, mostly a card, and a rule."""
    random = Random(seed)  # noqa: S311 - as above
    threshold = random.randint(1, 40) * USD
    target = threshold + random.randint(500, 9_000) * USD // 100
    ceiling = random.randint(5, 400) * USD
    cool_down = random.choice((timedelta(0), timedelta(minutes=10), timedelta(days=1)))
    wish = RuleWish(threshold, target, ceiling, random.choice(ZONES), cool_down)
    granted = random.randint(1, 60) * USD
    async with wave.pool.connection() as connection:
        organization = await open_organization(connection, name=f"Round {seed}", trial=NO_TRIAL)
        player = Player(seed, random, organization.organization_id, wish, granted)
        given = Grant(LotKind.PROMOTIONAL, granted, "a schedule")
        await grant(connection, player.organization_id, given, at=wave.at)
        await save_rule(connection, player.organization_id, wish, by=BY, at=wave.at)
    if random.random() < 0.9:
        await _add_card(wave, player)
    wave.players.append(player)


async def tick(wave: Wave) -> None:
    """Time passes; everybody does something; two nodes look; what arrives is received."""
    wave.truth.pass_time(wave.at + wave.random.choice(STEPS))
    await asyncio.gather(*(_act(wave, player) for player in wave.players))
    looks = await asyncio.gather(*(node.look(wave.at) for node in wave.nodes))
    asked = [
        survive(wave, node.pay(payment_id, at=wave.at))
        for node, opened in zip(wave.nodes, looks, strict=True)
        # Some die before they send anything; some are sent by both.
        for payment_id in (*opened, *wave.random.sample(opened, len(opened) // 10))
        if wave.random.random() < 0.9
    ]
    await asyncio.gather(*asked)
    await settle(wave)
    await receive(wave)
    if wave.random.random() < 0.2:
        await survive(wave, reconcile(wave.till, at=wave.at))


async def settle(wave: Wave) -> None:
    """Both nodes ask about what is open, at the same instant; one of them may die at it."""
    if wave.random.random() < 0.7:
        settling = (settle_open(wave.till, wave.truth, at=wave.at) for _ in wave.nodes)
        await asyncio.gather(*(survive(wave, one) for one in settling))


async def receive(wave: Wave) -> None:
    """Webhooks of now, several at a time; one whose reception fails is sent again later, as providers do."""
    bodies = wave.truth.collect_webhooks(wave.at)

    async def take(body: bytes) -> None:
        if not await survive(wave, receive_webhook(wave.till, body, "signed", at=wave.at)):
            wave.truth.webhooks.append((wave.at + timedelta(hours=1), body))

    await asyncio.gather(*(take(body) for body in bodies))


async def calm_down(wave: Wave) -> None:
    """Nothing goes wrong any more, nobody uses anything, and what is left is finished."""
    wave.truth.faults = NONE
    wave.is_quiet = True
    unsettled = 0
    for _ in range(QUIET_ROUNDS_MAX):
        wave.truth.pass_time(wave.at + timedelta(hours=2))
        await receive(wave)
        await reconcile(wave.till, at=wave.at)
        async with wave.pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT (SELECT count(*) FROM payments WHERE settled_at IS NULL)"
                " + (SELECT count(*) FROM reloads WHERE ended_at IS NULL)"
            )
            (unsettled,) = await cursor.fetchone() or (0,)
        if not unsettled and not wave.truth.flying and not wave.truth.webhooks:
            return
    raise AssertionError(f"{unsettled} payments or reloads do not end")


async def survive(wave: Wave, doing: Awaitable[object]) -> bool:
    """Whether it was done; a process that dies at it is replaced, one without an answer gives up for now."""
    try:
        await doing
    except Crash:
        wave.crashes += 1
        return False
    except ProviderUnreachableError:
        return False
    return True


async def _act(wave: Wave, player: Player) -> None:
    random = player.random
    actions: tuple[tuple[int, Callable[[Wave, Player], Awaitable[None]]], ...] = (
        (55, _use),
        (12, _change_mood),
        (8, _add_card),
        (7, _raise_ceiling),
        (3, _switch_off),
        (6, _buy),
    )
    drawn = random.randrange(100)
    for share, action in actions:
        if drawn < share:
            await action(wave, player)
            return
        drawn -= share


async def _use(wave: Wave, player: Player) -> None:
    """Use some credit through a real request, or none where there is not enough."""
    amount = player.random.randint(1, player.wish.target_nano) // NANO_PER_TOKEN * NANO_PER_TOKEN
    ask = HoldAsk(
        request_id=new_id("req"),
        organization_id=player.organization_id,
        workspace_id="wrkspc_test",
        key_id="apikey_test",
        model=MODEL,
        upstream="embedded",
        price_version=wave.version,
        amount_nano=amount,
    )
    with contextlib.suppress(InsufficientCreditError):
        hold = await wave.charging.hold(ask)
        usage = Usage(output_tokens=amount // NANO_PER_TOKEN)
        metered = Metered(
            rule=Rule.COMPLETED, usage=usage, source="upstream", conditions=STANDARD, reported="{}"
        )
        await wave.charging.settle(hold, metered)
        player.used_nano += amount


async def _change_mood(wave: Wave, player: Player) -> None:
    moods: list[Mood] = [*get_args(Mood)]
    moods += ["approves"] * 9
    wave.truth.moods[player.method] = player.random.choice(moods)


async def _add_card(wave: Wave, player: Player) -> None:
    player.cards += 1
    player.method = f"pm_{player.seed}_{player.cards}"
    card = Card(player.method, "visa", f"{player.cards:04}", 2030, 12)
    async with wave.pool.connection() as connection:
        method_id = await save_card(connection, player.organization_id, NAME, card, at=wave.at)
        await choose_default(connection, player.organization_id, method_id, by=BY)
    await _change_mood(wave, player)


async def _raise_ceiling(wave: Wave, player: Player) -> None:
    wish = player.wish
    more = wish.ceiling_nano + player.random.randint(0, 100) * USD
    player.wish = RuleWish(wish.threshold_nano, wish.target_nano, more, wish.zone, wish.cool_down)
    async with wave.pool.connection() as connection:
        await save_rule(connection, player.organization_id, player.wish, by=BY, at=wave.at)


async def _switch_off(wave: Wave, player: Player) -> None:
    async with wave.pool.connection() as connection:
        await switch_off(connection, player.organization_id, by=BY, at=wave.at)


async def _buy(wave: Wave, player: Player) -> None:
    """Buy by hand with the saved card; a bank that says no is an answer."""
    amount = player.random.randint(5, 80) * USD
    purchase = Purchase(player.organization_id, amount, new_purchase_id(), BY, payment_method_id="")
    buying = buy_credit(wave.till, purchase, at=wave.at)
    with contextlib.suppress(JetonError):
        await survive(wave, buying)


async def close_writer(commits: GroupCommit[Member, Outcome]) -> None:
    """End the writer of a wave."""
    await commits.close()


def open_writer(pool: Pool) -> GroupCommit[Member, Outcome]:
    """What usage of a wave goes through."""
    posting = Posting()
    return GroupCommit(pool, posting.post, on_commit=posting.keep)


async def record_prices(pool: Pool) -> None:
    """The prices that usage of a wave is rated at."""
    async with pool.connection() as connection:
        await record_price_versions(connection, load_book().versions)
