"""Sign-in: from a password, a link, a passkey or a provider's word to a session, with limits on attempts."""

from dataclasses import dataclass, field

from jeton import clock
from jeton.db.pool import Pool
from jeton.identity.errors import InvalidEmailError, SignInLinkError, WrongPasswordError
from jeton.identity.members import find_member, find_password_hash
from jeton.identity.names import parse_email
from jeton.identity.passkeys.ceremonies import begin_sign_in, finish_sign_in
from jeton.identity.passkeys.terms import Party, PasskeyCopiedError, PasskeyError
from jeton.identity.passwords import Passwords
from jeton.identity.sessions import open_session
from jeton.identity.signing.limits import (
    ADDRESS_LINKS_MAX,
    ADDRESS_PASSKEYS_MAX,
    EMAIL_LINKS_MAX,
    SignInLimiter,
)
from jeton.identity.signing.links import create_link, find_link, use_link

__all__ = ["SignIn", "SignInLimiter"]


def _limit_links() -> SignInLimiter:
    return SignInLimiter(email_max=EMAIL_LINKS_MAX, address_max=ADDRESS_LINKS_MAX)


def _limit_passkeys() -> SignInLimiter:
    return SignInLimiter(address_max=ADDRESS_PASSKEYS_MAX)


@dataclass(frozen=True, slots=True)
class SignIn:
    """The way in: one instance a process, as it holds the limits."""

    pool: Pool
    passwords: Passwords
    limiter: SignInLimiter
    links: SignInLimiter = field(default_factory=_limit_links)
    passkeys: SignInLimiter = field(default_factory=_limit_passkeys)

    async def open(self, email_text: str, password: str, *, address: str, user_agent: str = "") -> str:
        """A new session's secret; WrongPasswordError, TooManySignInsError or OverloadedError."""
        try:
            email = parse_email(email_text)
        except InvalidEmailError:
            raise WrongPasswordError from None
        self.limiter.check(email, address)
        # Counted before the check and taken back after it, so that guesses made at the same
        # time cannot all pass the limit together.
        self.limiter.record_failure(email, address)
        async with self.pool.connection() as connection:
            member = await find_member(connection, email)
            password_hash = None if member is None else await find_password_hash(connection, email)
        is_right = await self.passwords.verify(password_hash, password)
        if member is None or not is_right:
            raise WrongPasswordError
        self.limiter.record_success(email, address)
        async with self.pool.connection() as connection:
            return await open_session(connection, member.member_id, user_agent=user_agent)

    def admit_link_request(self, email_text: str, *, address: str) -> str:
        """The e-mail that a link is wanted for; InvalidEmailError or TooManySignInsError.

        Says nothing of whether anybody has this e-mail.
        """
        email = parse_email(email_text)
        self.links.check(email, address)
        self.links.record_failure(email, address)
        return email

    async def make_link(self, email: str) -> str | None:
        """The secret of a new link; None for an e-mail that no member has, or that has enough of them."""
        async with self.pool.connection() as connection:
            if await find_member(connection, email) is None:
                return None
            return await create_link(connection, email)

    async def ask_passkey(self, party: Party, *, browser: str, address: str) -> str:
        """The question to an authenticator, as JSON; TooManySignInsError."""
        self.passkeys.check("", address)
        self.passkeys.record_failure("", address)
        async with self.pool.connection() as connection:
            return await begin_sign_in(connection, party, browser=browser)

    async def open_by_passkey(
        self, party: Party, answer: str, *, browser: str, address: str, user_agent: str = ""
    ) -> str:
        """A new session's secret for an authenticator's answer; PasskeyError or PasskeyCopiedError.

        That the question was answered, and that a copy was noticed, is kept when these are raised.
        """
        problem: PasskeyError | PasskeyCopiedError | None = None
        secret = ""
        async with self.pool.connection() as connection:
            try:
                member = await finish_sign_in(connection, party, browser=browser, answer=answer)
                secret = await open_session(
                    connection, member.member_id, method="passkey", user_agent=user_agent
                )
            except (PasskeyError, PasskeyCopiedError) as error:
                problem = error
        if problem is not None:
            raise problem
        self.passkeys.record_success("", address)
        return secret

    async def peek_link(self, secret: str, *, address: str) -> str:
        """Whom a link would sign in; SignInLinkError or TooManySignInsError. Nothing is used up."""
        self.links.check("", address)
        async with self.pool.connection() as connection:
            email = await find_link(connection, secret, at=clock.now())
        if email is None:
            self.links.record_failure("", address)
            raise SignInLinkError
        return email

    async def open_by_link(self, secret: str, *, address: str, user_agent: str = "") -> str:
        """A new session's secret for a link, which is used up; SignInLinkError or TooManySignInsError."""
        await self.peek_link(secret, address=address)
        async with self.pool.connection() as connection:
            email = await use_link(connection, secret)
            member = await find_member(connection, email)
            if member is None:
                raise SignInLinkError
            return await open_session(connection, member.member_id, method="link", user_agent=user_agent)
