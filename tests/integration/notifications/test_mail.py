"""Mails, as a real mail server gets them."""

import ssl
from pathlib import Path

from tests.integration.world import add_member, open_world

from jeton.db.pool import Pool
from jeton.notifications.catalogue import AlarmRaised, LowBalance
from jeton.notifications.events import Event, emit
from jeton.notifications.mail import Mailer, SmtpServer

from .conftest import Post, open_post
from .receiving import Clock, make_notifier

LOW = LowBalance(remaining="0.42", threshold="1.00")
ALARM = AlarmRaised(alarm_id="alarm_1", code="bound_exceeded", about="<b>model</b>", details={"held_nano": 5})


def make_mailer(post: Post) -> Mailer:
    server = SmtpServer("127.0.0.1", post.port, "none", "Jeton <jeton@example.com>")
    return Mailer(server, brand_name="Example AI", console_url="https://example.com/console")


async def look_up(pool: Pool, columns: str) -> list[tuple[object, ...]]:
    async with pool.connection() as connection:
        query = f"SELECT {columns} FROM deliveries ORDER BY email"  # noqa: S608 - columns of the test
        return list(await (await connection.execute(query.encode())).fetchall())


async def test_admins_billing_and_the_events_own_addresses_get_a_mail_each(pool: Pool) -> None:
    world = await open_world(pool)
    await add_member(world, "ada@example.com", "admin")
    await add_member(world, "bill@example.com", "billing")
    await add_member(world, "dev@example.com", "developer")
    clock = Clock()
    organization_id = world.organization.organization_id
    event = Event(LOW, organization_id, "a", clock.at, ("cfo@example.com", "ada@example.com"))
    async with pool.connection() as connection:
        await emit(connection, event)
    async with open_post() as post:
        await make_notifier(pool, mailer=make_mailer(post)).work_off(clock)
    recipients = sorted(to for tos, _ in post.mails for to in tos)
    assert recipients == ["ada@example.com", "bill@example.com", "cfo@example.com"]
    assert {len(tos) for tos, _ in post.mails} == {1}
    _, mail = post.mails[0]
    assert mail["From"] == "Jeton <jeton@example.com>"
    assert mail["Subject"] == "Example AI: Only $0.42 of credit is left"
    assert mail["Date"] == "Mon, 23 Nov 2026 12:00:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert str(mail["Message-ID"]).endswith("@example.com>")
    text, html = (part.get_content() for part in mail.iter_parts())
    footer = (
        "Example AI tells this to the admins and billing members of Example GmbH, and to whom they named."
    )
    told = [LOW.sentence, "", "See https://example.com/console", "", footer]
    assert text.splitlines() == told
    assert '<a href="https://example.com/console"' in html
    assert {state for (state,) in await look_up(pool, "delivered_at IS NOT NULL")} == {True}
    await world.close()


async def test_without_a_mail_server_nothing_is_mailed_not_even_later(pool: Pool) -> None:
    world = await open_world(pool)
    await add_member(world)
    clock = Clock()
    async with pool.connection() as connection:
        await emit(connection, Event(LOW, world.organization.organization_id, "a", clock.at))
    await make_notifier(pool).work_off(clock)
    async with open_post() as post:
        await make_notifier(pool, mailer=make_mailer(post)).work_off(clock)
        assert post.mails == []
    async with pool.connection() as connection:
        count = await (await connection.execute("SELECT count(*) FROM events")).fetchone()
    assert count == (1,)
    await world.close()


async def test_the_operator_is_told_of_alarms_and_nothing_is_obeyed_as_html(pool: Pool) -> None:
    world = await open_world(pool)
    await add_member(world)
    clock = Clock()
    async with pool.connection() as connection:
        await emit(connection, Event(ALARM, None, "alarm", clock.at))
    async with open_post() as post:
        notifier = make_notifier(pool, mailer=make_mailer(post), operator_emails=("op@example.com",))
        await notifier.work_off(clock)
    [(recipients, mail)] = post.mails
    assert recipients == ["op@example.com"]
    html = list(mail.iter_parts())[1].get_content()
    assert "<b>model</b>" not in html
    assert "&lt;b&gt;model&lt;/b&gt;" in html
    await world.close()


async def test_a_recipient_refused_for_good_is_given_up_and_one_for_now_tried_again(pool: Pool) -> None:
    world = await open_world(pool)
    await add_member(world, "busy@example.com")
    await add_member(world, "gone@example.com")
    clock = Clock()
    async with pool.connection() as connection:
        await emit(connection, Event(LOW, world.organization.organization_id, "a", clock.at))
    async with open_post() as post:
        post.refused = {"busy@example.com": "451 try later", "gone@example.com": "550 no such user"}
        notifier = make_notifier(pool, mailer=make_mailer(post))
        await notifier.work_off(clock)
        columns = "email, last_status, last_response, gave_up_at IS NULL, delivered_at IS NULL"
        assert await look_up(pool, columns) == [
            ("busy@example.com", 451, "try later", True, True),
            ("gone@example.com", 550, "no such user", False, True),
        ]
        post.refused.clear()
        clock.turn(seconds=5)
        await notifier.work_off(clock)
        assert [recipients for recipients, _ in post.mails] == [["busy@example.com"]]
    await world.close()


async def test_a_server_that_wants_tls_and_a_password_gets_both(pool: Pool, certificate: Path) -> None:
    world = await open_world(pool)
    await add_member(world)
    clock = Clock()
    async with pool.connection() as connection:
        await emit(connection, Event(LOW, world.organization.organization_id, "a", clock.at))
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    ours = ssl.create_default_context(cafile=certificate)
    async with open_post(theirs) as post:
        server = SmtpServer(
            "127.0.0.1", post.port, "starttls", "jeton@example.com", "jeton", "a password", tls=ours
        )
        mailer = Mailer(server, brand_name="Jeton", console_url="")
        await make_notifier(pool, mailer=mailer).work_off(clock)
    assert post.signed_in == [(b"jeton", b"a password")]
    assert post.is_secure == [True]
    await world.close()


async def test_no_mail_server_there_is_a_failure_like_any_other(pool: Pool) -> None:
    world = await open_world(pool)
    await add_member(world)
    clock = Clock()
    async with pool.connection() as connection:
        await emit(connection, Event(LOW, world.organization.organization_id, "a", clock.at))
    async with open_post() as post:
        mailer = make_mailer(post)
    await make_notifier(pool, mailer=mailer).work_off(clock)
    [(problem, is_due)] = await look_up(pool, "last_problem, next_attempt_at IS NOT NULL")
    assert str(problem).startswith(f"The mail server 127.0.0.1:{post.port} did not take it: ")
    assert is_due is True
    await world.close()


async def test_a_mail_of_another_versions_event_is_given_up(pool: Pool) -> None:
    """Not sent as something that it may not be; the sentence says why."""
    world = await open_world(pool)
    await add_member(world)
    clock = Clock()
    async with pool.connection() as connection:
        query = "SELECT emit_event('evt_1', %s, 'credit.low_balance', '{}', '{}', 'a', now())"
        await connection.execute(query, (world.organization.organization_id,))
    async with open_post() as post:
        await make_notifier(pool, mailer=make_mailer(post)).work_off(clock)
        assert post.mails == []
    problem = "The event of type credit.low_balance cannot be read by this version."
    assert await look_up(pool, "last_problem, gave_up_at") == [(problem, clock.at)]
    await world.close()
