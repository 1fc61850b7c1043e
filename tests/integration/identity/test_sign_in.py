"""Signing in and out, and what guessing meets."""

from datetime import timedelta

import pytest
from tests.integration.world import EMAIL, PASSWORD, add_member, open_world

from jeton import clock
from jeton.db.pool import Pool
from jeton.identity.errors import TooManySignInsError, WrongPasswordError
from jeton.identity.passwords import Passwords
from jeton.identity.sessions import SESSION_LIFE, find_session, open_session, revoke_session, revoke_sessions
from jeton.identity.sign_in import SignIn, SignInLimiter
from jeton.identity.signing.limits import EMAIL_FAILURES_MAX


async def new_sign_in(pool: Pool) -> SignIn:
    world = await open_world(pool)
    await add_member(world)
    return SignIn(pool, Passwords(), SignInLimiter())


async def test_the_right_password_opens_a_session_and_signing_out_ends_it(pool: Pool) -> None:
    sign_in = await new_sign_in(pool)
    secret = await sign_in.open(" ADA@example.com ", PASSWORD, address="192.0.2.1")
    async with pool.connection() as connection:
        session = await find_session(connection, secret, at=clock.now())
        assert session is not None
        assert (session.email, session.role, session.organization_name) == (EMAIL, "admin", "Example GmbH")
        assert await find_session(connection, secret, at=clock.now() + SESSION_LIFE) is None
        assert await find_session(connection, secret + "x", at=clock.now()) is None
        await revoke_session(connection, secret)
        assert await find_session(connection, secret, at=clock.now()) is None


async def test_an_unknown_e_mail_and_a_wrong_password_look_the_same(pool: Pool) -> None:
    sign_in = await new_sign_in(pool)
    sentences = []
    for email, password in ((EMAIL, "not the password"), ("bob@example.com", PASSWORD), ("nobody", PASSWORD)):
        with pytest.raises(WrongPasswordError) as caught:
            await sign_in.open(email, password, address="192.0.2.1")
        sentences.append(str(caught.value))
    assert len(set(sentences)) == 1


async def test_guessing_is_stopped_even_for_the_right_password(pool: Pool) -> None:
    sign_in = await new_sign_in(pool)
    for _ in range(EMAIL_FAILURES_MAX):
        sign_in.limiter.record_failure(EMAIL, "192.0.2.1")
    with pytest.raises(TooManySignInsError) as caught:
        await sign_in.open(EMAIL, PASSWORD, address="198.51.100.7")
    assert 0 < caught.value.wait_s <= 900


async def test_every_session_of_a_member_can_be_ended_at_once(pool: Pool) -> None:
    world = await open_world(pool)
    member = await add_member(world)
    async with pool.connection() as connection:
        first = await open_session(connection, member.member_id)
        second = await open_session(connection, member.member_id)
        assert await revoke_sessions(connection, member.member_id) == 2
        later = clock.now() + timedelta(seconds=1)
        assert await find_session(connection, first, at=later) is None
        assert await find_session(connection, second, at=later) is None
