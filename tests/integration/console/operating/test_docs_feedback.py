"""The operator's page of what readers say of the docs: people and agents apart, everything as text."""

from tests.integration.console.test_inbox import signed_in
from tests.integration.world import EMAIL, open_world

from jeton.db.pool import Pool
from jeton.feedback.questions import record_unanswered
from jeton.feedback.votes import Ballot, Channel, Vote, digest_voter, record_vote
from jeton.notifications.inbox.items import WantedItem, open_item

PLACE = "/console/docs-feedback"


async def vote(
    pool: Pool, voter: str, given: Vote, *, channel: Channel = "person", version: str = "v1"
) -> None:
    ballot = Ballot("tokens", version, digest_voter(channel, voter), channel)
    async with pool.connection() as connection:
        await record_vote(connection, ballot, given)


async def test_the_operator_sees_votes_words_questions_and_misses(pool: Pool) -> None:
    """Two of three people, one agent of one; a reader votes once for each version."""
    world = await open_world(pool)
    await vote(pool, "ann", Vote(is_helpful=True))
    await vote(pool, "ann", Vote(is_helpful=True), version="v2")
    await vote(pool, "bob", Vote(is_helpful=True))
    await vote(pool, "bob", Vote(is_helpful=False, reason="outdated", comment="<i>old</i>"))
    await vote(pool, "bot", Vote(is_helpful=True), channel="agent")
    async with pool.connection() as connection:
        for question in ("Is it HIPAA <b>certified</b>?", "is it hipaa <b>Certified</b>"):
            await record_unanswered(connection, question, nearest=["/docs/payment"])
        await open_item(connection, WantedItem("search_miss", "hippopotamus"))
    async with signed_in(world, frozenset({EMAIL})) as client:
        page = (await client.get(PLACE)).text
        twin = (await client.get(f"{PLACE}.json")).json()
        votes_csv = (await client.get(f"{PLACE}.csv")).text.split("\r\n")
        comments_csv = (await client.get(f"{PLACE}/comments.csv")).text.split("\r\n")
        inbox_csv = (await client.get("/console/inbox.csv?kind=search_miss")).text.split("\r\n")
    assert votes_csv[0] == "page,people,people_helped,agents,agents_helped,versions,last_at"
    assert votes_csv[1].startswith("tokens,3,2,1,1,2,")
    assert comments_csv[1].startswith("tokens,v1,person,no,outdated,<i>old</i>,")
    assert [line.split(",")[1:3] for line in inbox_csv[1:-1]] == [["search_miss", "open"]]
    assert "<i>" not in page
    assert "<b>cert" not in page
    (votes,) = twin["pages"]
    assert votes["people"] == {"votes": 3, "helpful": 2, "helpful_ppm": 666_666}
    assert votes["agents"] == {"votes": 1, "helpful": 1, "helpful_ppm": 1_000_000}
    assert votes["versions"] == 2
    (comment,) = twin["comments"]
    assert (comment["channel"], comment["reason"], comment["comment"]) == ("person", "outdated", "<i>old</i>")
    (question,) = twin["unanswered_questions"]
    assert (question["times"], question["details"]["nearest"]) == (2, ["/docs/payment"])
    (miss,) = twin["search_misses"]
    assert miss["message"] == "hippopotamus"
    assert "hippopotamus" in page


async def test_an_empty_page_says_so_and_odd_ranges_are_refused(pool: Pool) -> None:
    """With a page, not a defect."""
    world = await open_world(pool)
    async with signed_in(world, frozenset({EMAIL})) as client:
        assert "Nobody voted on a page in these days." in (await client.get(PLACE)).text
        for days in ("0", "99999999999", "-7", "<b>"):
            assert (await client.get(PLACE, params={"days": days})).status_code == 400


async def test_other_members_do_not_see_it(pool: Pool) -> None:
    """It is about the whole installation."""
    world = await open_world(pool)
    async with signed_in(world, frozenset()) as client:
        assert (await client.get(PLACE)).status_code == 403
        assert (await client.get(f"{PLACE}.json")).status_code == 403
