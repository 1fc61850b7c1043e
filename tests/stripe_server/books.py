"""Books: everything that this server knows, in memory, and what its banks do."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from tests.stripe_server.cards import BANKS, TOKENS, UNKNOWN, Bank

Thing = dict[str, Any]


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """An answer that says no: a status and Stripe's error object."""

    def __init__(self, status: int, kind: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"type": kind, "message": message, **more}


@dataclass
class Books:
    """Objects by id, the numbers of cards apart from them, and the events that were made."""

    base_url: str = ""
    things: dict[str, Thing] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    events: list[Thing] = field(default_factory=list)
    unsent: list[Thing] = field(default_factory=list)
    clock_s: int | None = None

    def now(self) -> int:
        return int(time.time()) if self.clock_s is None else self.clock_s

    def get(self, thing_id: str) -> Thing:
        found = self.things.get(thing_id)
        if found is None:
            raise Refusal(
                404, "invalid_request_error", f"No such object: '{thing_id}'", code="resource_missing"
            )
        return found

    def add(self, prefix: str, kind: str, **fields: object) -> Thing:
        thing_id = f"{prefix}_{secrets.token_hex(12)}"
        made = {"id": thing_id, "object": kind, "created": self.now(), "livemode": False, **fields}
        self.things[thing_id] = made
        return made

    def tell(self, kind: str, thing: Thing) -> None:
        event = {
            "id": f"evt_{secrets.token_hex(12)}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": self.now(),
            "type": kind,
            "livemode": False,
            "data": {"object": copy_of(thing)},
        }
        self.events.append(event)
        self.unsent.append(event)

    def listed(self, kind: str) -> list[Thing]:
        return [thing for thing in reversed(self.things.values()) if thing["object"] == kind]

    def add_method(self, number: str) -> Thing:
        bank = BANKS.get(number, UNKNOWN)
        card = {"brand": bank.brand, "last4": number[-4:], "exp_month": 12, "exp_year": 2034}
        made = self.add("pm", "payment_method", type="card", card=card, customer=None)
        self.numbers[made["id"]] = number
        return made

    def find_method(self, method_id: str) -> Thing:
        if method_id in TOKENS:
            return self.add_method(TOKENS[method_id])
        return self.get(method_id)

    def attach(self, method: Thing, customer: str) -> None:
        bank = self.bank_of(method["id"])
        if not bank.attaches:
            raise declined(bank)
        self.get(customer)
        method["customer"] = customer
        self.tell("payment_method.attached", method)

    def bank_of(self, method_id: str) -> Bank:
        return BANKS.get(self.numbers.get(method_id, ""), UNKNOWN)

    def confirm(self, intent: Thing, *, is_off_session: bool = False, has_answered: bool = False) -> None:
        """Ask the bank; what it says is the intent's next state. Raises the Refusal of a decline."""
        if intent["status"] in {"succeeded", "canceled"}:
            raise Refusal(
                400,
                "invalid_request_error",
                f"This PaymentIntent is {intent['status']}.",
                code="payment_intent_unexpected_state",
            )
        method_id = intent["payment_method"]
        bank = self.bank_of(method_id)
        if bank.decline_code or bank is UNKNOWN:
            self._decline(intent, bank.code, bank.decline_code, bank.message)
        needs = bank.asks == "always" or (bank.asks == "once" and method_id not in self.answered)
        if needs and not has_answered:
            if is_off_session:
                self._decline(
                    intent,
                    "authentication_required",
                    "authentication_required",
                    "Your card was declined. This transaction requires authentication.",
                )
            intent["status"] = "requires_action"
            url = f"{self.base_url}/3ds/{intent['id']}"
            intent["next_action"] = {
                "type": "redirect_to_url",
                "redirect_to_url": {"url": url, "return_url": intent.get("return_url")},
            }
            self.tell("payment_intent.requires_action", intent)
            return
        self.answered.add(method_id)
        intent |= {"status": "succeeded", "next_action": None, "last_payment_error": None}
        intent["amount_received"] = intent["amount"]
        self.tell("payment_intent.succeeded", intent)
        if bank.disputes:
            self.dispute(intent, intent["amount"], "fraudulent")

    def refuse_action(self, intent: Thing) -> None:
        """The person did not answer their bank."""
        message = "We are unable to authenticate your payment method."
        code = "payment_intent_authentication_failure"
        intent |= {
            "status": "requires_payment_method",
            "next_action": None,
            "last_payment_error": {"type": "card_error", "code": code, "message": message},
        }
        self.tell("payment_intent.payment_failed", intent)

    def refund(self, intent: Thing, amount: int | None, metadata: dict[str, str]) -> Thing:
        given = sum(
            refund["amount"]
            for refund in self.listed("refund")
            if refund["payment_intent"] == intent["id"] and refund["status"] != "failed"
        )
        left = intent["amount"] - given if intent["status"] == "succeeded" else 0
        wanted = left if amount is None else amount
        if wanted <= 0 or wanted > left:
            raise Refusal(
                400,
                "invalid_request_error",
                f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({left})",
                code="charge_already_refunded" if not left else "amount_too_large",
            )
        made = self.add(
            "re",
            "refund",
            amount=wanted,
            currency=intent["currency"],
            payment_intent=intent["id"],
            status="succeeded",
            metadata=metadata,
            failure_reason=None,
        )
        self.tell("refund.created", made)
        return made

    def fail_refund(self, refund: Thing, reason: str) -> None:
        refund |= {"status": "failed", "failure_reason": reason}
        self.tell("refund.failed", refund)

    def dispute(self, intent: Thing, amount: int, reason: str) -> Thing:
        made = self.add(
            "du",
            "dispute",
            amount=amount,
            currency=intent["currency"],
            payment_intent=intent["id"],
            status="needs_response",
            reason=reason,
            evidence_details={"due_by": self.now() + 7 * 86_400},
        )
        self.tell("charge.dispute.created", made)
        return made

    def close_dispute(self, dispute: Thing, status: str) -> None:
        dispute["status"] = status
        self.tell("charge.dispute.closed", dispute)

    def _decline(self, intent: Thing, code: str, decline_code: str, message: str) -> None:
        error = {"type": "card_error", "code": code, "decline_code": decline_code, "message": message}
        intent |= {"status": "requires_payment_method", "next_action": None, "last_payment_error": error}
        self.tell("payment_intent.payment_failed", intent)
        more = {key: error[key] for key in ("code", "decline_code")}
        raise Refusal(402, "card_error", message, **more, payment_intent=copy_of(intent))


def declined(bank: Bank) -> Refusal:
    return Refusal(402, "card_error", bank.message, code=bank.code, decline_code=bank.decline_code)


def copy_of(thing: Thing) -> Thing:
    return {key: dict(value) if isinstance(value, dict) else value for key, value in thing.items()}
