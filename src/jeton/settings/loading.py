"""Loading: the settings from options, environment, configuration file and defaults, in this order."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jeton.errors import ConfigurationError, MoneyError
from jeton.pricing.positions import index_lines
from jeton.pricing.reading import Source, Table
from jeton.settings.cards import list_card_mistakes
from jeton.settings.declarations import Declaration, Settings, list_declarations, render_scalar
from jeton.settings.limits import read_groups, read_rate_limits
from jeton.settings.upstreams import read_upstreams

# Given as an option or in the environment, never both a setting of its own and a key of the file.
CONFIG_ENV = "JETON_CONFIG"
END_USER_KEY_CHARS_MIN = 32
CONFIG_BYTES_MAX = 1_000_000
# What only the file has, since it is more than a line.
_TABLES = ("upstreams", "rate_limits", "rate_limit_groups")


def load_settings(
    options: Mapping[str, str | bool | None] | None = None,
    *,
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Put the settings together; raises ConfigurationError with every mistake in all sources.

    ``options`` are by the setting's name; None means "not given". Without ``config`` the
    environment's JETON_CONFIG names the file, if any.
    """
    environment = os.environ if environment is None else environment
    mistakes: list[str] = []
    values: dict[str, Any] = {"data_dir": _default_data_dir()}
    if config is None and environment.get(CONFIG_ENV):
        config = Path(environment[CONFIG_ENV])
    if config is not None:
        values |= _read_config(config, environment, mistakes)
    given = options or {}
    for declaration in list_declarations():
        text, place = environment.get(declaration.env), declaration.env
        option = given.get(declaration.name)
        if option is not None:
            text, place = render_scalar(option), declaration.flag
        if text is not None:
            values |= _parse(declaration, text, place, mistakes)
    settings = Settings(**values)
    mistakes += _list_contradictions(settings)
    if mistakes:
        raise ConfigurationError(mistakes)
    return settings


def _list_contradictions(settings: Settings) -> list[str]:
    mistakes = []
    if settings.hold_validity_s <= settings.upstream_timeout_s:
        mistakes.append(
            f"hold_validity_s is {settings.hold_validity_s} and upstream_timeout_s is "
            f"{settings.upstream_timeout_s}: a hold must outlast the longest answer."
        )
    mistakes += [
        f"hold_validity_s is {settings.hold_validity_s} and timeout_s of the upstream {entry.name} is "
        f"{entry.timeout_s}: a hold must outlast the longest answer."
        for entry in settings.upstreams
        if entry.timeout_s and settings.hold_validity_s <= entry.timeout_s
    ]
    if settings.upstream_api_key and not settings.upstream_url:
        mistakes.append("upstream_api_key is given without upstream_url: say which server it is for.")
    if settings.smtp_host and not settings.smtp_from:
        mistakes.append("smtp_host is given without smtp_from: say which address mails come from.")
    if settings.end_users == "hashed" and len(settings.end_user_key) < END_USER_KEY_CHARS_MIN:
        mistakes.append(
            f"end_users is hashed and end_user_key has {len(settings.end_user_key)} characters, fewer than"
            f" {END_USER_KEY_CHARS_MIN}: give it a secret, as `openssl rand -hex 32` makes one."
        )
    if settings.oidc_issuer and not settings.oidc_client_id:
        mistakes.append("oidc_issuer is given without oidc_client_id: say how the provider knows us.")
    if settings.oidc_issuer and not settings.public_url:
        mistakes.append("oidc_issuer is given without public_url: say where people come back to.")
    if settings.oidc_organization and not (settings.oidc_roles or settings.oidc_default_role):
        mistakes.append("oidc_organization is given without oidc_roles or oidc_default_role: say as what.")
    return mistakes + list_card_mistakes(settings)


def _read_config(path: Path, environment: Mapping[str, str], mistakes: list[str]) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(CONFIG_BYTES_MAX).decode()
        parsed = tomllib.loads(text)
    except OSError as error:
        mistakes.append(f"{path}: cannot be read: {error.strerror}.")
        return {}
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        mistakes.append(f"{path}: not TOML: {error}.")
        return {}
    found: list[tuple[str, int, str]] = []
    lines = index_lines(text)
    root = Table(Source(str(path), lines, found), (), parsed)
    declarations = list_declarations()
    root.refuse_unknown(frozenset({*_TABLES, *(declaration.name for declaration in declarations)}))
    values: dict[str, Any] = {}
    for declaration in declarations:
        if declaration.name in parsed:
            text = render_scalar(parsed[declaration.name])
            values |= _parse(declaration, text, f"{path}:{lines[(declaration.name,)]}", mistakes)
    if "upstreams" in parsed:
        values["upstreams"] = read_upstreams(root.tables("upstreams"), environment)
    if "rate_limits" in parsed:
        values["rate_limits"] = read_rate_limits(root.tables("rate_limits"))
    groups = root.table("rate_limit_groups")
    if groups is not None:
        values["rate_limit_groups"] = read_groups(groups)
    mistakes += [f"{name}:{line}: {sentence}" for name, line, sentence in sorted(found)]
    return values


def _parse(declaration: Declaration, text: str, place: str, mistakes: list[str]) -> dict[str, Any]:
    try:
        return {declaration.name: declaration.parse(text)}
    except MoneyError as error:
        mistakes.append(f"{place}: {error}")
    except ValueError as error:
        mistakes.append(f"{place}: {text!r} {error}.")
    return {}


def _default_data_dir() -> Path:
    """``.jeton`` of the clone that this file lies in, else of the current folder."""
    clone = Path(__file__).resolve().parents[3]
    return (clone if (clone / "pyproject.toml").exists() else Path.cwd()) / ".jeton"
