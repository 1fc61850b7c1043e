"""Notifier: the task beside the requests that looks for what to tell, and tells it.

Any number of nodes may run one. What is due is shared between them through the database, and what one
of them leaves undone when it dies another does after the claim has run out.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec
import psycopg
import structlog

from jeton import clock
from jeton.db.pool import Pool
from jeton.errors import JetonError
from jeton.notifications.alerts import Find
from jeton.notifications.catalogue import UnknownEventDataError, read_data
from jeton.notifications.events import emit_all
from jeton.notifications.mail import Letter, Mailer
from jeton.notifications.outbox import Claimed, claim, fan_out, record
from jeton.notifications.standard import sign
from jeton.notifications.webhook import Attempt, WebhookClient

TICK_S = 1.0
CHAT_HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
ATTEMPTS_AT_ONCE = 20

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class NotifierTerms:
    """How often to look, when to give an endpoint up, whom the operator's events are mailed to, and links."""

    interval_s: float = 60
    disable_days: int = 5
    operator_emails: tuple[str, ...] = ()
    console_url: str = ""


class Notifier:
    """Looks with ``finders``, sends with ``client`` and, where there is one, ``mailer``."""

    def __init__(
        self,
        pool: Pool,
        client: WebhookClient,
        *,
        mailer: Mailer | None,
        finders: Sequence[Find],
        terms: NotifierTerms,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """``draw`` gives a random number from 0 to 1, for the jitter."""
        self._pool = pool
        self._client = client
        self._mailer = mailer
        self._finders = finders
        self._terms = terms
        self._draw = draw

    async def run(self) -> None:
        """Look and send until cancelled; a database that is away is tried again."""
        looked_at_s = float("-inf")
        while True:
            try:
                if time.monotonic() - looked_at_s >= self._terms.interval_s:
                    looked_at_s = time.monotonic()
                    await self.look(clock.now())
                while await self.work_off(clock.now):
                    pass
            except (OSError, JetonError, psycopg.OperationalError) as problem:
                _log.warning("notifications_failed", problem=str(problem))
            await asyncio.sleep(TICK_S)

    async def look(self, at: datetime) -> int:
        """Write an event for everything that is found at ``at``; return how many are new."""
        written = 0
        for find in self._finders:
            async with self._pool.connection() as connection:
                written += await emit_all(connection, await find(connection, at))
        return written

    async def work_off(self, now: Callable[[], datetime]) -> int:
        """Fan out what is new and attempt what is due, some of it; return how much there was of both."""
        has_mailer = self._mailer is not None
        async with self._pool.connection() as connection:
            emails = self._terms.operator_emails
            events = await fan_out(connection, has_mailer=has_mailer, operator_emails=emails, at=now())
        async with self._pool.connection() as connection:
            claimed = await claim(connection, limit=ATTEMPTS_AT_ONCE, has_mailer=has_mailer, at=now())
        # One that cannot be written does not cut off the others, which are under way.
        ends = await asyncio.gather(
            *(self._deliver(delivery, now) for delivery in claimed), return_exceptions=True
        )
        for end in ends:
            if end is not None:
                raise end
        return events + len(claimed)

    async def _deliver(self, delivery: Claimed, now: Callable[[], datetime]) -> None:
        attempt = await self._attempt(delivery, now())
        if attempt.problem:
            _log.info(
                "delivery_failed",
                delivery_id=delivery.delivery_id,
                endpoint_id=delivery.endpoint_id,
                problem=attempt.problem,
            )
        async with self._pool.connection() as connection:
            await record(
                connection,
                delivery,
                attempt,
                at=now(),
                jitter=self._draw(),
                disable_days=self._terms.disable_days,
            )

    async def _attempt(self, delivery: Claimed, at: datetime) -> Attempt:
        if delivery.url is not None and delivery.secret is not None:
            render = render_chat if is_chat(delivery.url) else render_payload
            body = render(delivery, self._terms.console_url)
            headers = sign(delivery.list_secrets(at), delivery.event_id, at=at, body=body)
            return await self._client.post(delivery.url, headers, body)
        if self._mailer is None or delivery.email is None:
            return Attempt("There is nobody to send this to.", is_final=True)
        try:
            data = read_data(delivery.type, delivery.data)
        except UnknownEventDataError as error:
            return Attempt(str(error), is_final=True)
        letter = Letter(
            delivery.delivery_id,
            delivery.email,
            delivery.organization_name or "",
            data,
            delivery.occurred_at,
        )
        return await self._mailer.send(letter)


def is_chat(url: str) -> bool:
    """Whether a URL is an incoming webhook of Slack, or of what takes Slack's messages at its own address.

    These refuse a body without a text, so they get one and nothing else.
    """
    parts = urlsplit(url)
    return parts.hostname in CHAT_HOSTS or parts.path.endswith("/slack")


def render_chat(delivery: Claimed, console_url: str) -> bytes:
    """The body of an incoming webhook of a chat: the sentence for people, and where one sees to it."""
    organization = f"{delivery.organization_name}: " if delivery.organization_name else ""
    try:
        data = read_data(delivery.type, delivery.data)
        sentence, page = data.sentence, data.page
    except UnknownEventDataError as error:
        sentence, page = str(error), ""
    # Slack's own marks, so that nothing in a name makes a link or calls a channel.
    text = f"{organization}{sentence}"
    for mark, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(mark, written)
    link = f"\n{console_url}{page}" if console_url else ""
    return msgspec.json.encode({"text": f"{text}{link}"})


def render_payload(delivery: Claimed, console_url: str) -> bytes:
    """The body of a webhook, the same at every attempt; ``message`` is for people, in a chat for instance."""
    organization_id = delivery.organization_id
    try:
        data = read_data(delivery.type, delivery.data)
        message, page = data.sentence, data.page
    except UnknownEventDataError:
        message, page = "", ""
    return msgspec.json.encode(
        {
            "type": delivery.type,
            "timestamp": delivery.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "organization_id": None if organization_id is None else str(organization_id),
            "data": delivery.data,
            "message": message,
            "url": f"{console_url}{page}" if console_url else None,
        }
    )
