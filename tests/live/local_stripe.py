"""Our payments before somebody else's Stripe: ``localstripe``, an independent server in its own process.

    .venv/bin/python -m tests.live.local_stripe [--environment DIR]

It is GPL, so it has an environment of its own and nothing of it is imported here. What it can do is less than
what ours does (it keeps no idempotency keys, and checks no refund against what is left), but its answers and
its signatures are not ours: a card that pays, one that is declined, 3-D Secure, a refund, a webhook.
"""

import argparse
import asyncio
import contextlib
import http.server
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

from jeton import clock
from jeton.billing.providers.stripe.client import StripeProvider
from jeton.billing.providers.words import ChargeOrder, NewCustomer, ProviderPayment

PACKAGE = "localstripe==1.15.10"
SECRET_KEY = "sk_test_12345"
WEBHOOK_SECRET = "whsec_independent"
START_TIMEOUT_S = 60
WEBHOOK_TIMEOUT_S = 20


def make_environment(folder: Path) -> Path:
    """An environment for the other server, once; its program."""
    program = folder / "bin" / "localstripe"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", PACKAGE], check=True)
    return program


def find_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(program: Path) -> Iterator[str]:
    """The other server, and where it is."""
    port = find_port()
    process = subprocess.Popen([program, "--port", str(port), "--from-scratch"], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)


@contextlib.contextmanager
def listening() -> Iterator[tuple[str, "Queue[tuple[bytes, str]]"]]:
    """Somebody who takes webhooks; their bodies and signatures as they come."""
    arrived: Queue[tuple[bytes, str]] = Queue()

    class Taker(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            arrived.put((body, self.headers["stripe-signature"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            del format, args

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", arrived
    server.shutdown()


def post(url: str, fields: dict[str, str]) -> Any:  # noqa: ANN401 - whatever JSON it is
    """What a browser does with a card; no part of Jeton sees its number."""
    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    request = urllib.request.Request(url, urllib.parse.urlencode(fields).encode(), headers)  # noqa: S310 - our own process
    with urllib.request.urlopen(request, timeout=START_TIMEOUT_S) as answer:  # noqa: S310 - as above
        return json.loads(answer.read() or b"null")


def save_card(url: str, customer: str, number: str) -> str:
    """A card that somebody saved there; its id."""
    card = {"number": number, "exp_month": "12", "exp_year": "2034", "cvc": "123"}
    made = post(
        f"{url}/v1/payment_methods",
        {"type": "card", **{f"card[{name}]": text for name, text in card.items()}},
    )
    post(f"{url}/v1/payment_methods/{made['id']}/attach", {"customer": customer})
    return str(made["id"])


async def charge(provider: StripeProvider, customer: str, method: str, name: str) -> ProviderPayment:
    """$119 off a saved card."""
    order = ChargeOrder(name, customer, method, 11_900, "USD", is_off_session=True)
    return await provider.charge(order, key=f"jeton-{name}")


def expect(what: str, found: object, wanted: object) -> None:
    """Say what was found; end with what was wanted instead."""
    print(f"{'ok ' if found == wanted else 'NOT'} {what}: {found}")  # noqa: T201 - a command speaks so
    if found != wanted:
        raise SystemExit(f"{what}: {wanted!r} was expected, and {found!r} found.")


async def check(url: str, webhook_url: str, arrived: "Queue[tuple[bytes, str]]") -> None:
    """Everything that both sides can do."""
    post(f"{url}/_config/webhooks/jeton", {"url": webhook_url, "secret": WEBHOOK_SECRET})
    provider = StripeProvider(SECRET_KEY, WEBHOOK_SECRET, base_url=url, timeout_s=30)
    customer = await provider.create_customer(NewCustomer("org", "Example Ltd"), key="jeton-customer")
    good = save_card(url, customer, "4242424242424242")
    cards = await provider.list_cards(customer)
    expect("the card as a person knows it", [(one.brand, one.last4) for one in cards], [("visa", "4242")])
    paid = await charge(provider, customer, good, "pay_1")
    expect("a card that pays", (paid.status, paid.amount_minor, paid.currency, paid.reference),
           ("succeeded", 11_900, "USD", "pay_1"))  # fmt: skip
    expect(
        "the same payment asked for",
        (await provider.fetch_payment(paid.provider_payment_id)).status,
        "succeeded",
    )
    bad = save_card(url, customer, "4000000000000341")
    declined = await charge(provider, customer, bad, "pay_2")
    expect(
        "a card that is declined", (declined.status, declined.decline is not None), ("requires_card", True)
    )
    asks = save_card(url, customer, "4000002760003184")
    waiting = await charge(provider, customer, asks, "pay_3")
    expect("a card whose bank asks", waiting.status in {"requires_action", "requires_card"}, wanted=True)
    refund = await provider.refund(paid.provider_payment_id, 4_760, reference="rfnd_1", key="jeton-rfnd_1")
    expect("a refund", (refund.status, refund.amount_minor), ("succeeded", 4_760))
    until = time.monotonic() + WEBHOOK_TIMEOUT_S
    while time.monotonic() < until:
        body, signature = await asyncio.to_thread(arrived.get, timeout=WEBHOOK_TIMEOUT_S)
        event = provider.parse_webhook(body, signature, clock.now())
        if event.payment is not None and event.payment.status == "succeeded":
            expect("a webhook with its signature", event.payment.reference, "pay_1")
            return
    raise SystemExit("No webhook of the payment came.")


def main() -> None:
    """Run everything once."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--environment", type=Path, default=Path(tempfile.gettempdir()) / "jeton-localstripe")
    given = parser.parse_args()
    with running(make_environment(given.environment)) as url, listening() as (webhook_url, arrived):
        asyncio.run(check(url, webhook_url, arrived))


if __name__ == "__main__":
    main()
