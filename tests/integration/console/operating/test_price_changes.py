"""Prices in the Console: proposed by one operator, tried on a month, approved by another, then in force."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import httpx2
import pytest
from tests.integration.console.operating.scene import OPERATOR, Seat, deps_of, seated
from tests.integration.world import BOOK, EMAIL, V1, World, open_world

from jeton import clock
from jeton.charging.proposing.following import PriceFollower
from jeton.charging.words import Metered, Rule
from jeton.console.deps import ConsoleDeps
from jeton.db.pool import Pool
from jeton.gateway.catalog import Catalog, ModelRoute
from jeton.gateway.errors import UnknownModelError, UnpricedModelError
from jeton.identity.audit import list_audit
from jeton.pricing.book import PriceBook
from jeton.pricing.loading import PriceFile, parse_book
from jeton.pricing.rating import STANDARD
from jeton.upstreams.embedded import EmbeddedUpstream

PLACE = "/console/price-book/changes"
SECOND = "second@example.com"
MODEL = "house-1"


def price_file(*, first: str = "0.10", changes_on: str = "", then: str = "0.20") -> str:
    """A model at $``first`` a million of input from 2024 on, and at ``then`` from a day on."""
    ends = f"until_on = {changes_on}" if changes_on else ""
    later = _version(changes_on, "", then) if changes_on else ""
    return f"""
[models.{MODEL}]
display_name = "House 1"
family = "o200k"
created_on = 2024-01-01
max_input_tokens = 200_000
max_output_tokens = 64_000
{_version("2024-01-01", ends, first)}{later}"""


def _version(from_on: str, ends: str, price: str) -> str:
    rates = ", ".join(
        f'{name} = "{price}"'
        for name in ("input", "cache_write_5m", "cache_write_1h", "cache_read", "output")
    )
    return f"""
[[models.{MODEL}.versions]]
from_on = {from_on}
{ends}
web_search_per_1000 = "10.00"
[[models.{MODEL}.versions.bands]]
standard = {{ {rates} }}
"""


def new_model(on: date) -> str:
    """A model that has no price yet, from a day on."""
    return price_file().replace(MODEL, "house-2").replace("2024-01-01", on.isoformat())


def own_book() -> PriceBook:
    """A book of its own for a test that changes it."""
    house = parse_book([PriceFile("house.toml", price_file().encode())])
    return PriceBook((*BOOK.versions, *house.versions))


def deps_with(world: World, book: PriceBook) -> ConsoleDeps:
    return replace(deps_of(world), book=book, operator_emails=frozenset({OPERATOR, SECOND}))


async def propose(seat: Seat, text: str, *, reason: str = "dearer cores", month: str = "") -> httpx2.Response:
    return await seat.client.post(
        f"{PLACE}?month={month}" if month else PLACE,
        data={"form_token": seat.token, "reason": reason},
        files={"file": ("house.toml", text.encode(), "application/toml")},
    )


async def test_a_price_that_two_operators_agreed_on_is_in_force_on_its_day(pool: Pool) -> None:
    world = await open_world(pool)
    book, elsewhere = own_book(), own_book()
    on = clock.now().date() + timedelta(days=2)
    day = datetime.combine(on, time(), UTC)
    text = price_file(changes_on=on.isoformat())
    deps = deps_with(world, book)
    async with seated(world, OPERATOR, deps=deps) as first, seated(world, SECOND, deps=deps) as second:
        place = (await propose(first, text)).headers["location"]
        assert (await first.client.get(f"{place}.toml")).text == text
        (change,) = (await first.client.get(f"{place}.json")).json()["changes"]
        assert {(rate["old"], rate["new"]) for rate in change["rates"]} == {("0.1", "0.2")}
        assert (await first.post(f"{place}/approve")).status_code == 403
        assert (await second.post(f"{place}/approve", reason="agreed")).status_code == 303
        for act in ("approve", "decline"):
            assert (await second.post(f"{place}/{act}", reason="again")).status_code == 409
        assert (await first.twin(place))["in_this_book"] is False
        followers = [PriceFollower(pool, known) for known in (book, elsewhere)]
        for follower in followers:
            await follower.read()
        assert (await first.twin(place))["in_this_book"] is True
    for known in (book, elsewhere):
        before, after = (known.find_version(MODEL, at) for at in (day - timedelta(seconds=1), day))
        assert before is not None
        assert after is not None
        assert (before.from_on.isoformat(), after.from_on) == ("2024-01-01", on)
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM price_versions WHERE price_version_id LIKE %s", (f"{MODEL}@%",)
        )
        assert await cursor.fetchone() == (2,)
        actions = [(entry.action, entry.actor) for entry in await list_audit(connection)]
    assert {("prices.proposed", OPERATOR), ("prices.approved", SECOND)} <= set(actions)
    await world.close()


async def test_what_would_change_a_past_charge_is_refused_with_its_reason(pool: Pool) -> None:
    world = await open_world(pool)
    deps = deps_with(world, own_book())
    tomorrow, today = (clock.now().date() + timedelta(days=days) for days in (2, 0))
    good = price_file(changes_on=tomorrow.isoformat())
    named = new_model(tomorrow).replace("created_on", f'aliases = ["{MODEL}"]\ncreated_on')
    async with seated(world, OPERATOR, deps=deps) as seat:
        for text, said in (
            (price_file(first="0.11", changes_on=tomorrow.isoformat()), "reads otherwise"),
            (price_file(changes_on=today.isoformat()), "begin too soon"),
            (price_file(), "has every version of it already"),
            (good.replace(MODEL, "house-2"), "house-2@2024-01-01 would begin too soon"),
            (named, "house-2 would be called house-1, which is house-1 already"),
            (good.replace('"0.20"', "0.20"), "house.toml:"),
            ("x", "house.toml:1"),
        ):
            answer = await propose(seat, text)
            assert (answer.status_code, said in answer.text) == (400, True), said
        assert (await propose(seat, good, reason="")).status_code == 400
        assert "Nothing was proposed yet" in await seat.text(PLACE)
        for unknown in ("prp_none", "%00"):
            assert (await seat.client.get(f"{PLACE}/{unknown}")).status_code == 404
    async with seated(world, EMAIL, deps=deps) as member:
        assert (await propose(member, good)).status_code == 403
    await world.close()


async def test_a_new_model_gets_its_first_price_from_two_operators_and_is_served_on_its_day(
    pool: Pool,
) -> None:
    """By whoever serves the rest of the book; an upstream that names its models has to name it."""
    world = await open_world(pool)
    book = own_book()
    on = clock.now().date() + timedelta(days=2)
    day = datetime.combine(on, time(), UTC)
    upstream = EmbeddedUpstream(lambda _: None)
    rest = Catalog(book, [], clock.now(), rest=ModelRoute("", upstream))
    named = Catalog(book, [ModelRoute(MODEL, upstream)], clock.now())
    deps = replace(deps_with(world, book), served_models=lambda: rest.models)
    async with seated(world, OPERATOR, deps=deps) as first, seated(world, SECOND, deps=deps) as second:
        place = (await propose(first, new_model(on))).headers["location"]
        assert "the first price of this model" in await second.text(place)
        assert (await second.post(f"{place}/approve", reason="agreed")).status_code == 303
        await PriceFollower(pool, book).read()
        assert (await first.twin(place))["in_this_book"] is True
    with pytest.raises(UnpricedModelError):
        rest.find("house-2", day - timedelta(seconds=1))
    route, version = rest.find("house-2", day)
    assert (route.model, version.price_version_id) == ("house-2", f"house-2@{on}")
    assert "house-2" in rest.models
    with pytest.raises(UnknownModelError):
        named.find("house-2", day)
    await world.close()


async def test_a_month_is_tried_under_the_proposed_price(pool: Pool) -> None:
    """One request of 103,500 tokens at $0.10 a million is $0.01035, and twice that at $0.20."""
    world = await open_world(pool)
    book = own_book()
    hold = await world.hold(version=book.timeline(MODEL)[0])
    await world.charging.settle(hold, Metered(Rule.COMPLETED, V1, "upstream", STANDARD, "{}"))
    text = price_file(changes_on=(clock.now().date() + timedelta(days=2)).isoformat())
    async with seated(world, OPERATOR, deps=deps_with(world, book)) as seat:
        place = (await propose(seat, text, month=f"{hold.taken_at:%Y-%m}")).headers["location"]
        (tried,) = (await seat.twin(place))["simulation"]["data"]  # type: ignore[index]  # values out of JSON
        assert "0.0207" in await seat.text(place)
        assert (await seat.post(f"{place}/decline", reason="a slip")).headers["location"] == PLACE
    assert (tried["requests"], tried["charged_amount"]) == (1, "0.01035")
    assert (tried["least_amount"], tried["most_amount"]) == ("0.0207", "0.0207")
    assert (tried["organizations_that_pay_more"], tried["organizations_that_pay_less"]) == (1, 0)
    await world.close()
