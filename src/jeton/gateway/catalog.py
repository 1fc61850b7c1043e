"""Catalog: which models are served here, by which upstream and at which price. Routes are frozen at start.

Who serves the rest of the price book, or rehearses it, serves a model whose first price was approved since,
too, from its day on.

A model with an upstream and no price in force stops the start (P8), and is refused again at
admission, should its price end while we run.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from difflib import get_close_matches
from typing import Any

from jeton.errors import ConfigurationError
from jeton.gateway.errors import InvalidRequestError, UnknownModelError, UnpricedModelError
from jeton.pricing.book import PriceBook, PriceVersion
from jeton.upstreams.interface import Upstream

PAGE_DEFAULT = 20
PAGE_MAX = 1000
# How many names an unknown model's error lists, and how alike they must be, of 1. Comparing takes time
# that grows with the square of a name's length.
NEAREST_MAX = 3
NEAREST_LIKENESS_MIN = 0.4
NAME_CHARS_MAX = 200
LIFECYCLES = ("active", "deprecated", "retired")
LIFECYCLES_DEFAULT = ("active", "deprecated")


@dataclass(frozen=True, slots=True)
class ModelRoute:
    """Who answers for a model; ``keeps_cache`` if for one of them Jeton keeps the prompt-cache account."""

    model: str
    upstream: Upstream
    is_rehearsal: bool = False
    keeps_cache: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What a list is asked for; ids are model ids."""

    limit: int = PAGE_DEFAULT
    after_id: str | None = None
    before_id: str | None = None
    lifecycles: tuple[str, ...] = LIFECYCLES_DEFAULT


class Catalog:
    """The models served here."""

    def __init__(
        self,
        book: PriceBook,
        routes: Iterable[ModelRoute],
        at: datetime,
        *,
        rest: ModelRoute | None = None,
    ) -> None:
        """``rest`` answers for models that come into the book later.

        Raises ConfigurationError naming every model of an upstream without a price at ``at``.
        """
        self._book = book
        self._rest = rest
        self._routes: dict[str, ModelRoute] = {}
        mistakes = []
        for route in routes:
            version = book.find_version(route.model, at)
            if version is None and not route.is_rehearsal:
                mistakes.append(
                    f"The upstream {route.upstream.name} serves {route.model}, which has no price in force."
                    " Add it to the price book."
                )
            for name in {route.model} if version is None else {version.model, *version.card.aliases}:
                self._routes[name] = route
        if mistakes:
            raise ConfigurationError(mistakes)

    @property
    def models(self) -> frozenset[str]:
        """The ids of the models that something serves, without their aliases."""
        rest = () if self._rest is None else self._book.models()
        return frozenset((*(route.model for route in self._routes.values()), *rest))

    def find(self, model: str, at: datetime) -> tuple[ModelRoute, PriceVersion]:
        """The route and the price in force; UnknownModelError or UnpricedModelError."""
        route = self._find_route(model)
        if route is None:
            name = model[:NAME_CHARS_MAX]
            near = get_close_matches(name, self._routes, NEAREST_MAX, NEAREST_LIKENESS_MIN)
            raise UnknownModelError(name, near)
        version = self._book.find_version(model, at)
        if version is None:
            raise UnknownModelError(model) if route.is_rehearsal else UnpricedModelError(model)
        if version.retires_on is not None and version.lifecycle(at) == "retired":
            raise UnknownModelError(model)
        return route, version

    def is_in_book(self, model: str) -> bool:
        """Whether it has, had or will have a price, served here or not."""
        return bool(self._book.timeline(model))

    def list_versions(self, at: datetime, lifecycles: Sequence[str]) -> list[PriceVersion]:
        """The price in force of every model served here, newest model first."""
        served = [model for model in self._book.models() if self._find_route(model) is not None]
        found = (self._book.find_version(model, at) for model in served)
        return [version for version in found if version and version.lifecycle(at) in lifecycles]

    def _find_route(self, model: str) -> ModelRoute | None:
        """The route that the start made, or that of the rest for what is in the book since."""
        route = self._routes.get(model)
        if route is None and self._rest is not None and (timeline := self._book.timeline(model)):
            return replace(self._rest, model=timeline[0].model)
        return route


def rehearsal_routes(book: PriceBook, embedded: Upstream, served: Iterable[str]) -> list[ModelRoute]:
    """A route to the embedded upstream for every model of the book that nobody else serves."""
    taken = set(served)
    return [ModelRoute(model, embedded, is_rehearsal=True) for model in book.models() if model not in taken]


def parse_page(parameters: Iterable[tuple[str, str]]) -> Page:
    """The query of ``GET /v1/models``; InvalidRequestError for what does not belong there."""
    given = dict(parameters)
    text = given.get("limit", str(PAGE_DEFAULT))
    limit = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(PAGE_MAX)) else 0
    if not 1 <= limit <= PAGE_MAX:
        raise InvalidRequestError(f"limit: must be from 1 to {PAGE_MAX}")
    if "after_id" in given and "before_id" in given:
        raise InvalidRequestError("after_id: give it or before_id, not both")
    asked = tuple(value for name, value in parameters if name in {"lifecycle[]", "lifecycle"})
    for lifecycle in asked:
        if lifecycle not in LIFECYCLES:
            raise InvalidRequestError(f"lifecycle[]: must be one of {', '.join(LIFECYCLES)}")
    return Page(limit, given.get("after_id"), given.get("before_id"), asked or LIFECYCLES_DEFAULT)


def render_list(versions: Sequence[PriceVersion], page: Page, at: datetime) -> dict[str, Any]:
    """A page of models as the Messages API lists them; InvalidRequestError for an unknown cursor."""
    models = [version.model for version in versions]
    cursor = page.after_id or page.before_id
    if cursor is not None and cursor not in models:
        raise InvalidRequestError(f"after_id or before_id: {cursor[:200]} is not in the list")
    if page.before_id is not None:
        end = models.index(page.before_id)
        start = max(0, end - page.limit)
        has_more = start > 0
    else:
        start = 0 if page.after_id is None else models.index(page.after_id) + 1
        end = start + page.limit
        has_more = end < len(models)
    shown = versions[start:end]
    return {
        "data": [render_model(version, at) for version in shown],
        "has_more": has_more,
        "first_id": shown[0].model if shown else None,
        "last_id": shown[-1].model if shown else None,
    }


def render_model(version: PriceVersion, at: datetime) -> dict[str, Any]:
    """One model as the Messages API shows it."""
    return {
        "type": "model",
        "id": version.model,
        "display_name": version.display_name,
        "created_at": _midnight(version.created_on),
        "lifecycle": version.lifecycle(at),
        "line": version.line,
        "max_input_tokens": version.max_input_tokens,
        "max_tokens": version.max_output_tokens,
        "deprecated_at": _midnight(version.deprecated_on),
        "retires_at": _midnight(version.retires_on),
        "capabilities": None,
    }


def _midnight(on: date | None) -> str | None:
    return None if on is None else datetime.combine(on, time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
