"""Finance: the operator's pages about money: documents of everybody, payments, banks, dunning, the close."""

from starlette.routing import BaseRoute, Route

from jeton.billing.receivables.statements.words import STATEMENT_BYTES_MAX
from jeton.console.files.downloading import download
from jeton.console.files.uploading import upload
from jeton.console.routes.finance import (
    banking,
    closing,
    correcting,
    documents,
    owed,
    owing,
    payments,
    profiles,
    rates,
)
from jeton.console.routes.invoices.files import SUFFIXES, make_download
from jeton.console.visit import Act, Door


def finance_routes(door: Door) -> list[BaseRoute]:
    """What is owed to the operator, and the books of each month."""
    return [
        *door.pages_at(documents.PLACE, documents.show_documents),
        Route(f"{documents.PLACE}/issue", door.form(correcting.issue), methods=["POST"]),
        *door.pages_at(payments.PLACE, payments.show_payments),
        *_forms(door, payments.PLACE, {"record": payments.record}),
        *_forms(
            door,
            f"{payments.PLACE}/{{payment_id}}",
            {"apply": payments.put, "void": payments.void, "pay-back": payments.give_back},
        ),
        *_forms(door, f"{payments.PLACE}/parts/{{application_id}}", {"unapply": payments.take_off}),
        *_bank_routes(door),
        *door.pages_at(owing.PLACE, owing.show_overdue),
        *door.pages_at(owed.PLACE, owed.show_owed),
        *_forms(door, f"{owed.PLACE}/{{payment_id}}", {"give-up": owed.give_up}),
        *door.pages_at(rates.PLACE, rates.show_rates),
        Route(rates.PLACE, door.form(rates.note), methods=["POST"]),
        *door.pages_at(profiles.PLACE, profiles.show_profile),
        Route(profiles.PLACE, door.form(profiles.save), methods=["POST"]),
        *_document_routes(door),
        *_closing_routes(door),
    ]


def _bank_routes(door: Door) -> list[BaseRoute]:
    take = upload(door, banking.take_statement, bytes_max=STATEMENT_BYTES_MAX)
    return [
        *door.pages_at(banking.PLACE, banking.show_lines),
        Route(banking.PLACE, take, methods=["POST"]),
        *_forms(
            door,
            f"{banking.PLACE}/{{line_id}}",
            {"assign": banking.assign, "ignore": banking.ignore, "return": banking.give_back},
        ),
    ]


def _document_routes(door: Door) -> list[BaseRoute]:
    place = f"{documents.PLACE}/documents/{{document_id}}"
    forms: dict[str, Act] = {
        "cancel": correcting.cancel,
        "credit": correcting.credit,
        "write-off": correcting.give_up,
        "wait": correcting.wait,
    }
    return [
        *(
            Route(f"{place}.{suffix}", make_download(door, suffix, is_operators=True), methods=["GET"])
            for suffix in SUFFIXES
        ),
        *door.pages_at(place, documents.show_document),
        *_forms(door, place, forms),
    ]


def _closing_routes(door: Door) -> list[BaseRoute]:
    return [
        *door.pages_at(closing.PLACE, closing.show_closing),
        *_forms(
            door,
            closing.PLACE,
            {"month": closing.close, "reopen": closing.reopen, "prove": closing.prove},
        ),
        *(
            Route(f"{closing.PLACE}/{name}.csv", download(door, make), methods=["GET"])
            for name, make in closing.EXPORTS.items()
        ),
    ]


def _forms(door: Door, place: str, forms: dict[str, Act]) -> list[BaseRoute]:
    return [Route(f"{place}/{name}", door.form(act), methods=["POST"]) for name, act in forms.items()]
