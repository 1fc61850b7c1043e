"""Hooks: signed webhooks, sent at once or when asked, and every trouble that a network makes with them."""

import asyncio
import hashlib
import hmac
import json
import random
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from tests.stripe_server.books import Books, Thing

TRIES_MAX = 5
TICK_S = 0.05
TIMEOUT_S = 30


@dataclass
class Plan:
    """How webhooks go: ``is_manual`` waits to be asked; parts of a hundred are sent twice, late or never."""

    is_manual: bool = False
    repeat_percent: int = 0
    lose_percent: int = 0
    is_shuffled: bool = False
    delay_ms: int = 0
    seed: int = 7


@dataclass
class Hooks:
    """Sends what the books have to tell."""

    books: Books
    url: str = ""
    secret: str = ""
    plan: Plan = field(default_factory=Plan)
    sent: list[tuple[str, int]] = field(default_factory=list)

    async def run(self) -> None:
        """Send whatever there is, unless somebody wants to ask for it."""
        while True:
            if not self.plan.is_manual and self.books.unsent:
                await self.flush()
            await asyncio.sleep(TICK_S)

    async def flush(self) -> list[tuple[str, int]]:
        """Send what waits, as planned; the types and the statuses of their answers."""
        chance = random.Random(self.plan.seed + len(self.sent))  # noqa: S311 - a plan, no secret
        waiting, self.books.unsent = self.books.unsent, []
        going: list[Thing] = []
        for event in waiting:
            if chance.randrange(100) >= self.plan.lose_percent:
                going += [event] * (2 if chance.randrange(100) < self.plan.repeat_percent else 1)
        if self.plan.is_shuffled:
            chance.shuffle(going)
        results = []
        for event in going:
            if self.plan.delay_ms:
                await asyncio.sleep(self.plan.delay_ms / 1000)
            results.append((event["type"], await self.send(event)))
        self.sent += results
        return results

    async def send(self, event: Thing) -> int:
        """Send one until it is taken; the last status, 0 for no answer."""
        status = 0
        for attempt in range(TRIES_MAX):
            status = await asyncio.to_thread(self.post, json.dumps(event).encode())
            if 200 <= status < 300 or not self.url:
                return status
            await asyncio.sleep(TICK_S * 2**attempt)
        return status

    def sign(self, body: bytes) -> str:
        stamp = str(self.books.now())
        digest = hmac.new(self.secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return f"t={stamp},v1={digest}"

    def post(self, body: bytes) -> int:
        if not self.url:
            return 0
        headers = {"content-type": "application/json", "stripe-signature": self.sign(body)}
        request = urllib.request.Request(self.url, body, headers)  # noqa: S310 - an address of the test's
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0
