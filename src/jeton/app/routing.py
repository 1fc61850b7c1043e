"""Routing: from the settings to the upstreams and to who answers for which model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jeton import clock
from jeton.app.prompt_caching import PromptCache, is_kept
from jeton.charging.costing.costing import CostBook
from jeton.errors import ConfigurationError
from jeton.gateway.catalog import Catalog, ModelRoute, rehearsal_routes
from jeton.pricing.book import PriceBook
from jeton.pricing.loading import load_book
from jeton.settings import Settings, UpstreamSetting
from jeton.tokens.families import O200K
from jeton.upstreams.anthropic import AnthropicUpstream
from jeton.upstreams.choice import Candidate, Choice
from jeton.upstreams.embedded import MODEL, EmbeddedUpstream, ServedModel
from jeton.upstreams.http.pool import Limits
from jeton.upstreams.interface import Upstream
from jeton.upstreams.openai_compatible.request import Dialect
from jeton.upstreams.openai_compatible.upstream import OpenAICompatibleUpstream

SHORTCUT_NAME = "upstream"


@dataclass(frozen=True, slots=True)
class Routing:
    """The models served here, and every upstream once, to be closed at the end.

    ``costs``: what an upstream costs the operator, for those where that is known.
    """

    catalog: Catalog
    upstreams: tuple[Upstream, ...]
    is_rehearsal: bool
    costs: Mapping[str, CostBook]


def open_routing(settings: Settings, book: PriceBook, cache: PromptCache) -> Routing:
    """Make the upstreams and the catalog; connects to nobody yet. ``cache`` is opened by the caller.

    Raises ConfigurationError for a model that two upstreams claim with the same priority, or that
    has no price (P8).
    """
    declared = _list_declared(settings)
    _refuse_ties(declared)
    modes = [setting.cache for setting in declared if setting.kind == "embedded"]
    embedded = cache.keep(_make_embedded(book), modes[0] if modes else "kept", lambda _: O200K)
    candidates = {
        setting.name: _keep_cache(
            _make_candidate(setting, settings, embedded), setting, book=book, cache=cache
        )
        for setting in declared
    }
    costs = {
        setting.name: CostBook(load_book(*setting.costs, is_packaged=False), setting.cache == "reported")
        for setting in declared
        if setting.costs
    }
    claimed = {model for setting in declared for model in setting.models}
    at = clock.now()
    rest = tuple(
        model for model in book.models() if model not in {*claimed, MODEL} and book.find_version(model, at)
    )
    serving: dict[str, list[Candidate]] = {}
    ranked_all = sorted(declared, key=lambda setting: setting.priority)
    for setting in ranked_all:
        for model in setting.models or (() if setting.kind == "embedded" else rest):
            serving.setdefault(model, []).append(candidates[setting.name])
    routes = [
        ModelRoute(model, _choose(ranked, costs), keeps_cache=any(is_kept(rank.upstream) for rank in ranked))
        for model, ranked in serving.items()
    ]
    if MODEL not in claimed:
        routes.append(ModelRoute(MODEL, embedded, keeps_cache=is_kept(embedded)))
    others = {candidate.upstream for candidate in candidates.values()} - {embedded}
    is_rehearsal = settings.rehearsal == "on" or (settings.rehearsal == "auto" and not others)
    # For models whose first price begins while this process runs.
    takers = [candidates[one.name] for one in ranked_all if not one.models and one.kind != "embedded"]
    later: ModelRoute | None = None
    if takers:
        is_kept_by_any = any(is_kept(one.upstream) for one in takers)
        later = ModelRoute("", _choose(takers, costs), keeps_cache=is_kept_by_any)
    elif is_rehearsal:
        later = ModelRoute("", embedded, is_rehearsal=True, keeps_cache=is_kept(embedded))
    if is_rehearsal:
        rehearsed = rehearsal_routes(book, embedded, [route.model for route in routes])
        routes += [replace(route, keeps_cache=is_kept(embedded)) for route in rehearsed]
    return Routing(Catalog(book, routes, at, rest=later), (embedded, *others), is_rehearsal, costs)


def _list_declared(settings: Settings) -> tuple[UpstreamSetting, ...]:
    if not settings.upstream_url:
        return settings.upstreams
    shortcut = UpstreamSetting(SHORTCUT_NAME, "anthropic", settings.upstream_url, settings.upstream_api_key)
    return (*settings.upstreams, shortcut)


def _refuse_ties(declared: Sequence[UpstreamSetting]) -> None:
    """Of several that serve a model it must be said who is asked first."""
    claimed: dict[tuple[str, int], str] = {}
    mistakes = []
    for setting in declared:
        is_taker = not setting.models and setting.kind != "embedded"
        for model in ("the rest",) if is_taker else setting.models:
            other = claimed.setdefault((model, setting.priority), setting.name)
            if other != setting.name:
                mistakes.append(
                    f"The upstreams {other} and {setting.name} both serve {model} with the priority"
                    f" {setting.priority}: give the one to be asked later a higher number."
                )
    if mistakes:
        raise ConfigurationError(mistakes)


def _keep_cache(
    candidate: Candidate, setting: UpstreamSetting, *, book: PriceBook, cache: PromptCache
) -> Candidate:
    """The candidate behind the account, if Jeton is to keep it; the embedded one is there already."""
    if setting.kind == "embedded":
        return candidate

    def find_family(model: str) -> str:
        version = book.find_version(model, clock.now())
        return version.family if version else ""

    return replace(candidate, upstream=cache.keep(candidate.upstream, setting.cache, find_family))


def _make_candidate(setting: UpstreamSetting, settings: Settings, embedded: Upstream) -> Candidate:
    limits = Limits(total_s=setting.timeout_s or settings.upstream_timeout_s)
    first_byte_s = setting.first_byte_timeout_s
    match setting.kind:
        case "embedded":
            return Candidate(embedded)
        case "anthropic":
            return Candidate(
                AnthropicUpstream(setting.name, setting.base_url, api_key=setting.api_key, limits=limits),
                first_byte_s=first_byte_s,
            )
        case "openai_compatible":
            upstream = OpenAICompatibleUpstream(
                setting.name,
                setting.base_url,
                api_key=setting.api_key,
                dialect=Dialect(setting.model_names, setting.max_tokens_field),
                limits=limits,
            )
            return Candidate(upstream, first_byte_s=first_byte_s)


def _choose(ranked: Sequence[Candidate], costs: Mapping[str, CostBook]) -> Upstream:
    """The one upstream itself, unless there is something to choose or to keep account of."""
    only = ranked[0]
    if len(ranked) == 1 and only.first_byte_s is None and only.upstream.name not in costs:
        return only.upstream
    return Choice(ranked)


def _make_embedded(book: PriceBook) -> EmbeddedUpstream:
    def find_model(model: str) -> ServedModel | None:
        version = book.find_version(model, clock.now())
        return None if version is None else ServedModel(version.max_input_tokens, version.family)

    return EmbeddedUpstream(find_model)
