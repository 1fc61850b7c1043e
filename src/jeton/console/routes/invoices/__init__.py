"""Invoices: documents with their lines and files, whom they are for, paying them, and the account."""

from starlette.routing import BaseRoute, Route

from jeton.console.files.downloading import download
from jeton.console.routes.invoices import account, acting, document, files, listing, profile
from jeton.console.visit import Door


def invoice_routes(door: Door) -> list[BaseRoute]:
    """What an organization is billed. Fixed addresses come before those with an id in them."""
    place = f"{listing.PLACE}/{{document_id}}"
    return [
        *door.pages_at(listing.PLACE, listing.show_invoices),
        *door.pages_at(f"{listing.PLACE}/draft", document.show_draft),
        *door.pages_at(profile.PLACE, profile.show_profile),
        Route(profile.PLACE, door.form(profile.save), methods=["POST"]),
        *door.pages_at(account.PLACE, account.show_account),
        Route(f"{account.PLACE}.csv", download(door, account.export_account), methods=["GET"]),
        *(
            Route(f"{place}.{suffix}", files.make_download(door, suffix), methods=["GET"])
            for suffix in files.SUFFIXES
        ),
        *door.pages_at(place, document.show_document),
        Route(f"{place}/pay", door.form(acting.pay), methods=["POST"]),
        Route(f"{place}/correction", door.form(acting.ask_correction), methods=["POST"]),
    ]
