"""Upstreams as the configuration file names them, a table each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from jeton.pricing.reading import Table

UPSTREAM_KINDS = ("anthropic", "embedded")
UPSTREAMS_MAX = 100


@dataclass(frozen=True, slots=True)
class UpstreamSetting:
    """One upstream of the configuration file; without ``models`` it serves what no other names."""

    name: str
    kind: Literal["anthropic", "embedded"]
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    models: tuple[str, ...] = ()


def read_upstreams(tables: tuple[Table, ...], environment: Mapping[str, str]) -> tuple[UpstreamSetting, ...]:
    """The upstreams of the file; a mistake is noted with its line."""
    kept = tables[:UPSTREAMS_MAX]
    upstreams = tuple(_read_upstream(table, environment) for table in kept)
    _refuse_doubles(kept)
    return upstreams


def _read_upstream(table: Table, environment: Mapping[str, str]) -> UpstreamSetting:
    table.refuse_unknown(frozenset({"name", "kind", "base_url", "api_key_env", "models"}))
    kind = table.text("kind") or "embedded"
    if kind not in UPSTREAM_KINDS:
        table.blame(f"kind is {kind!r}, not one of {', '.join(UPSTREAM_KINDS)}.", key="kind")
    base_url = table.text("base_url", is_required=kind == "anthropic") or ""
    if base_url and not base_url.startswith(("http://", "https://")):
        table.blame("base_url must begin with http:// or https://.", key="base_url")
    variable = table.text("api_key_env", is_required=False)
    if variable and not environment.get(variable):
        table.blame(f"the environment has no {variable}, which should hold this key.", key="api_key_env")
    return UpstreamSetting(
        name=table.text("name") or "",
        kind="embedded" if kind == "embedded" else "anthropic",
        base_url=base_url,
        api_key=environment.get(variable, "") if variable else "",
        models=table.texts("models"),
    )


def _refuse_doubles(tables: tuple[Table, ...]) -> None:
    seen: set[object] = set()
    for table in tables:
        name = table.values.get("name")
        if name in seen:
            table.blame(f"there is another upstream of the name {name!r}.", key="name")
        seen.add(name)
