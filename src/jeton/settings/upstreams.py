"""Upstreams as the configuration file names them, a table each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from jeton.pricing.reading import Table

UpstreamKind = Literal["anthropic", "openai_compatible", "embedded"]
UPSTREAM_KINDS: tuple[UpstreamKind, ...] = ("anthropic", "openai_compatible", "embedded")
MAX_TOKENS_FIELDS = ("max_tokens", "max_completion_tokens")
# Whose account of the prompt cache is billed: the upstream's, Jeton's own, or nobody's.
CacheMode = Literal["reported", "kept", "off"]
CACHE_MODES: tuple[CacheMode, ...] = ("reported", "kept", "off")
UPSTREAMS_MAX = 100
TIMEOUT_S_MAX = 86_400
_KEYS = frozenset(
    {
        "name",
        "kind",
        "base_url",
        "api_key_env",
        "models",
        "priority",
        "timeout_s",
        "first_byte_timeout_s",
        "costs",
        "cache",
    }
)
# What only some kinds understand.
_KEYS_OF_KIND: Mapping[UpstreamKind, frozenset[str]] = {
    "anthropic": frozenset(),
    "openai_compatible": frozenset({"model_names", "max_tokens_field"}),
    "embedded": frozenset(),
}


@dataclass(frozen=True, slots=True)
class UpstreamSetting:
    """One upstream of the configuration file; without ``models`` it serves what no other names.

    Of several that serve a model, the one with the lowest ``priority`` is asked first. ``costs`` are
    price files with what it costs the operator. A time that is None is the one of all upstreams.
    """

    name: str
    kind: UpstreamKind
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    models: tuple[str, ...] = ()
    priority: int = 1
    timeout_s: int | None = None
    first_byte_timeout_s: int | None = None
    costs: tuple[Path, ...] = ()
    model_names: tuple[tuple[str, str], ...] = ()
    max_tokens_field: str = MAX_TOKENS_FIELDS[0]
    cache: CacheMode = "reported"


def read_upstreams(tables: tuple[Table, ...], environment: Mapping[str, str]) -> tuple[UpstreamSetting, ...]:
    """The upstreams of the file; a mistake is noted with its line."""
    kept = tables[:UPSTREAMS_MAX]
    upstreams = tuple(_read_upstream(table, environment) for table in kept)
    _refuse_doubles(kept)
    return upstreams


def _read_upstream(table: Table, environment: Mapping[str, str]) -> UpstreamSetting:
    kind = _read_kind(table)
    table.refuse_unknown(_KEYS | _KEYS_OF_KIND[kind])
    base_url = table.text("base_url", is_required=kind != "embedded") or ""
    if base_url and not base_url.startswith(("http://", "https://")):
        table.blame("base_url must begin with http:// or https://.", key="base_url")
    variable = table.text("api_key_env", is_required=False)
    if variable and not environment.get(variable):
        table.blame(f"the environment has no {variable}, which should hold this key.", key="api_key_env")
    field_name = table.text("max_tokens_field", is_required=False) or MAX_TOKENS_FIELDS[0]
    if field_name not in MAX_TOKENS_FIELDS:
        table.blame(f"max_tokens_field must be {' or '.join(MAX_TOKENS_FIELDS)}.", key="max_tokens_field")
    return UpstreamSetting(
        name=table.text("name") or "",
        kind=kind,
        base_url=base_url,
        api_key=environment.get(variable, "") if variable else "",
        models=table.texts("models"),
        priority=table.count("priority", is_required=False) or 1,
        timeout_s=_read_seconds(table, "timeout_s"),
        first_byte_timeout_s=_read_seconds(table, "first_byte_timeout_s"),
        costs=tuple(Path(path).expanduser().absolute() for path in table.texts("costs")),
        model_names=_read_model_names(table),
        max_tokens_field=field_name,
        cache=_read_cache(table, kind),
    )


def _read_kind(table: Table) -> UpstreamKind:
    kind = table.text("kind") or "embedded"
    for known in UPSTREAM_KINDS:
        if kind == known:
            return known
    table.blame(f"kind is {kind!r}, not one of {', '.join(UPSTREAM_KINDS)}.", key="kind")
    return "embedded"


def _read_cache(table: Table, kind: UpstreamKind) -> CacheMode:
    """As asked for; else Jeton's own account where a server may well have none to report."""
    mode = table.text("cache", is_required=False)
    for known in CACHE_MODES:
        if mode == known:
            return known
    if mode is not None:
        table.blame(f"cache is {mode!r}, not one of {', '.join(CACHE_MODES)}.", key="cache")
    return "reported" if kind == "anthropic" else "kept"


def _read_seconds(table: Table, key: str) -> int | None:
    seconds = table.count(key, is_required=False)
    if seconds is not None and seconds > TIMEOUT_S_MAX:
        table.blame(f"{key} must be at most {TIMEOUT_S_MAX}.", key=key)
    return seconds


def _read_model_names(table: Table) -> tuple[tuple[str, str], ...]:
    names = table.table("model_names")
    if names is None:
        return ()
    return tuple((model, names.text(model) or "") for model in names.values)


def _refuse_doubles(tables: tuple[Table, ...]) -> None:
    seen: set[object] = set()
    for table in tables:
        name = table.values.get("name")
        if name in seen:
            table.blame(f"there is another upstream of the name {name!r}.", key="name")
        seen.add(name)
