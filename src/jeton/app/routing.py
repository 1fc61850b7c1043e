"""Routing: from the settings to the upstreams and to who answers for which model."""

from collections.abc import Sequence
from dataclasses import dataclass

from jeton import clock
from jeton.errors import ConfigurationError
from jeton.gateway.catalog import Catalog, ModelRoute, rehearsal_routes
from jeton.pricing.book import PriceBook
from jeton.settings import Settings, UpstreamSetting
from jeton.upstreams.anthropic import AnthropicUpstream, Limits
from jeton.upstreams.embedded import MODEL, EmbeddedUpstream, ServedModel
from jeton.upstreams.interface import Upstream

SHORTCUT_NAME = "upstream"


@dataclass(frozen=True, slots=True)
class Routing:
    """The models served here, and every upstream once, to be closed at the end."""

    catalog: Catalog
    upstreams: tuple[Upstream, ...]
    is_rehearsal: bool


def open_routing(settings: Settings, book: PriceBook) -> Routing:
    """Make the upstreams and the catalog; connects to nobody yet.

    Raises ConfigurationError for a model that two upstreams claim, or that has no price (P8).
    """
    declared = _list_declared(settings)
    embedded = _make_embedded(book)
    routes: list[ModelRoute] = []
    upstreams: list[Upstream] = [embedded]
    claimed = _claimed(declared)
    for setting in declared:
        models = setting.models
        if setting.kind == "embedded":
            routes += [ModelRoute(model, embedded) for model in models]
            continue
        limits = Limits(total_s=settings.upstream_timeout_s)
        upstream = AnthropicUpstream(setting.name, setting.base_url, api_key=setting.api_key, limits=limits)
        upstreams.append(upstream)
        rest = tuple(model for model in book.models() if model not in claimed and model != MODEL)
        routes += [ModelRoute(model, upstream) for model in models or rest]
    if MODEL not in claimed:
        routes.append(ModelRoute(MODEL, embedded))
    is_rehearsal = settings.rehearsal == "on" or (settings.rehearsal == "auto" and len(upstreams) == 1)
    if is_rehearsal:
        routes += rehearsal_routes(book, embedded, [route.model for route in routes])
    return Routing(Catalog(book, routes, clock.now()), tuple(upstreams), is_rehearsal)


def _list_declared(settings: Settings) -> tuple[UpstreamSetting, ...]:
    if not settings.upstream_url:
        return settings.upstreams
    shortcut = UpstreamSetting(SHORTCUT_NAME, "anthropic", settings.upstream_url, settings.upstream_api_key)
    return (*settings.upstreams, shortcut)


def _claimed(declared: Sequence[UpstreamSetting]) -> set[str]:
    """The models that are named by an upstream; each by one only, and one upstream takes the rest."""
    claimed: dict[str, str] = {}
    mistakes = []
    takers = [setting.name for setting in declared if setting.kind == "anthropic" and not setting.models]
    if len(takers) > 1:
        mistakes.append(
            f"The upstreams {', '.join(takers)} name no models, and only one may serve all the rest."
        )
    for setting in declared:
        for model in setting.models:
            if model in claimed:
                mistakes.append(f"The upstreams {claimed[model]} and {setting.name} both serve {model}.")
            claimed[model] = setting.name
    if mistakes:
        raise ConfigurationError(mistakes)
    return set(claimed)


def _make_embedded(book: PriceBook) -> EmbeddedUpstream:
    def find_model(model: str) -> ServedModel | None:
        version = book.find_version(model, clock.now())
        return None if version is None else ServedModel(version.max_input_tokens, version.family)

    return EmbeddedUpstream(find_model)
