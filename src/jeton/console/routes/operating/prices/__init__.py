"""Prices: what two operators agree on: the next price of a model, and a past time at another one."""

from starlette.routing import BaseRoute, Route

from jeton.console.files.uploading import upload
from jeton.console.routes.operating.prices import changes, reratings
from jeton.console.visit import Act, Door


def agreed_price_routes(door: Door) -> list[BaseRoute]:
    """The pages and forms of proposed prices and of re-ratings."""
    return [*_change_routes(door), *_rerating_routes(door)]


def _change_routes(door: Door) -> list[BaseRoute]:
    place = f"{changes.PLACE}/{{proposal_id}}"
    proposing = upload(door, changes.propose, bytes_max=changes.FILE_BYTES_MAX)
    return [
        *door.pages_at(changes.PLACE, changes.show_changes),
        Route(changes.PLACE, proposing, methods=["POST"]),
        Route(f"{place}.toml", changes.download_file(door), methods=["GET"]),
        *door.pages_at(place, changes.show_change),
        Route(f"{place}/approve", door.form(changes.approve), methods=["POST"]),
        Route(f"{place}/decline", door.form(changes.decline), methods=["POST"]),
    ]


def _rerating_routes(door: Door) -> list[BaseRoute]:
    place = f"{reratings.PLACE}/{{rerating_id}}"
    forms: dict[str, Act] = {
        "approve": reratings.approve,
        "decline": reratings.decline,
        "post": reratings.post,
        "supplements": reratings.ask_supplement,
        "supplements/{supplement_id}/approve": reratings.charge_supplement,
        "supplements/{supplement_id}/decline": reratings.forgive_supplement,
    }
    return [
        *door.pages_at(reratings.PLACE, reratings.show_reratings),
        Route(reratings.PLACE, door.form(reratings.propose), methods=["POST"]),
        *door.pages_at(place, reratings.show_rerating),
        *(Route(f"{place}/{name}", door.form(act), methods=["POST"]) for name, act in forms.items()),
    ]
