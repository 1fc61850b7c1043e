"""Settings: what an operator may choose, and the only place that reads the environment.

Each setting is declared once, in ``Settings``: its default, how it is read, its unit and its
sentence. Its environment variable, its key in the configuration file, its option, ``--help`` and
the documentation follow from that. An option wins over the environment, the environment over the
file, the file over the default. All mistakes are shown at once, each with its place.
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from jeton.errors import ConfigurationError, MoneyError
from jeton.money import parse_usd
from jeton.pricing.positions import index_lines
from jeton.pricing.reading import Source, Table

UPSTREAM_KINDS = ("anthropic", "embedded")
UPSTREAMS_MAX = 100
# Given as an option or in the environment, never both a setting of its own and a key of the file.
CONFIG_ENV = "JETON_CONFIG"
CONFIG_BYTES_MAX = 1_000_000

_DAY_S = 86_400
_DATA_DIR = Path(".jeton")
_YES = frozenset({"yes", "true", "on", "1"})
_PUBLIC_URL = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_NO = frozenset({"no", "false", "off", "0"})

Parse = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class UpstreamSetting:
    """One upstream of the configuration file; without ``models`` it serves what no other names."""

    name: str
    kind: Literal["anthropic", "embedded"]
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    models: tuple[str, ...] = ()


def _setting(default: object, parse: Parse, sentence: str, *, unit: str = "", is_secret: bool = False) -> Any:  # noqa: ANN401 - as dataclasses.field, whose value it is
    metadata = {"parse": parse, "sentence": sentence, "unit": unit, "is_secret": is_secret}
    return field(default=default, metadata=metadata, repr=not is_secret)


def _text(text: str) -> str:
    return text.strip()


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _paths(text: str) -> tuple[Path, ...]:
    return tuple(_path(part) for part in text.split(os.pathsep) if part)


def _usd(text: str) -> str:
    if parse_usd(text) < 0:
        raise MoneyError(text, "is below zero")
    return text


def _yes_no(text: str) -> bool:
    if text.lower() not in _YES | _NO:
        raise ValueError("is neither yes nor no")
    return text.lower() in _YES


def _whole(low: int, high: int) -> Parse:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"is not a whole number from {low} to {high}")
        return int(text)

    return parse


def _seconds(low: float, high: float) -> Parse:
    def parse(text: str) -> float:
        problem = f"is not a number of seconds from {low:g} to {high:g}"
        try:
            number = float(text)
        except ValueError:
            raise ValueError(problem) from None
        if not low <= number <= high:
            raise ValueError(problem)
        return number

    return parse


def _one_of(*words: str) -> Parse:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"is not one of {', '.join(words)}")
        return text

    return parse


def _credit_status(text: str) -> int:
    return int(_one_of("400", "402")(text))


def _public_url(text: str) -> str:
    url = text.strip().removesuffix("/").lower()
    if url and _PUBLIC_URL.fullmatch(url) is None:
        raise ValueError(
            "is not an address such as https://api.example.com, with nothing after the host or port"
        )
    return url


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that may be chosen; the fields are the declarations."""

    host: str = _setting("127.0.0.1", _text, "Address to listen on; 0.0.0.0 for every network.")
    port: int = _setting(8080, _whole(1, 65_535), "Port to listen on.")
    data_dir: Path = _setting(  # noqa: RUF009 - a declaration, as dataclasses.field
        _DATA_DIR, _path, "Folder of the embedded database and of what belongs to this installation."
    )
    database_url: str = _setting(
        "",
        _text,
        "A PostgreSQL (15 or newer) to use instead of the embedded one, as postgresql://user@host/name.",
        is_secret=True,
    )
    is_demo: bool = _setting(
        default=True,
        parse=_yes_no,
        sentence="Create a demo organization with keys and trial credit on the first start.",
    )
    trial_amount_usd: str = _setting("5.00", _usd, "Trial credit of a new organization.", unit="dollars")
    trial_days: int = _setting(30, _whole(1, 3650), "How long trial credit is valid.", unit="days")
    rehearsal: Literal["auto", "on", "off"] = _setting(
        "auto",
        _one_of("auto", "on", "off"),
        "Serve models without an upstream from the embedded one, at their own price; "
        "auto: while no real upstream is configured.",
    )
    upstream_url: str = _setting(
        "", _text, "One server that speaks the Messages API, as upstream of every model of the price book."
    )
    upstream_api_key: str = _setting("", _text, "The key for it.", is_secret=True)
    upstream_timeout_s: int = _setting(
        600, _whole(1, _DAY_S), "The longest an answer may take, to its last byte.", unit="seconds"
    )
    prices_dir: tuple[Path, ...] = _setting(
        (), _paths, "Further price files, or folders of them, beside the packaged ones; ':' between several."
    )
    hold_validity_s: int = _setting(
        900,
        _whole(2, _DAY_S),
        "How long credit is held for a request whose server is gone; longer than upstream_timeout_s.",
        unit="seconds",
    )
    sweep_interval_s: int = _setting(
        15, _whole(1, 3600), "How often holds and lots past their time are ended.", unit="seconds"
    )
    connections_max: int = _setting(10, _whole(4, 1000), "Connections to PostgreSQL.")
    commit_members_max: int = _setting(
        32, _whole(1, 10_000), "The most holds and settlements in one database transaction."
    )
    commit_delay_max_s: float = _setting(
        0, _seconds(0, 1), "The longest a busy server waits to fill a transaction.", unit="seconds"
    )
    commit_waiting_max: int = _setting(
        4096, _whole(1, 1_000_000), "The most that wait for a transaction before requests get 529."
    )
    stop_timeout_s: int = _setting(
        10,
        _whole(1, 600),
        "How long requests in flight may take to end when the server stops.",
        unit="seconds",
    )
    log_level: str = _setting(
        "info", _one_of("debug", "info", "warning", "error"), "The least important that is logged."
    )
    credit_status: Literal[400, 402] = _setting(
        400,
        _credit_status,
        "HTTP status of a request beyond the credit; 402 comes with type billing_error.",
    )
    public_url: str = _setting(
        "",
        _public_url,
        "The address that people use, when it is not the one we listen on; https makes the session cookie "
        "Secure and is written into pages and snippets.",
    )
    brand_name: str = _setting("Jeton", _text, "The name on the pages.")
    support_email: str = _setting("", _text, "Where the pages send people with a problem.")
    sales_email: str = _setting("", _text, "Where the pages send people who want to buy.")
    crash_at: str = _setting(
        "", _text, "For tests: the point of a request at which the server kills itself with SIGKILL."
    )
    upstreams: tuple[UpstreamSetting, ...] = ()

    @property
    def trial_amount_nano(self) -> int:
        """The trial credit in nano-dollars."""
        return parse_usd(self.trial_amount_usd)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A setting as people see it; ``flag`` is empty where an option would show a secret."""

    name: str
    env: str
    flag: str
    default: str
    unit: str
    sentence: str
    parse: Parse
    is_boolean: bool


def list_declarations() -> tuple[Declaration, ...]:
    """Every setting, in the order of their declaration; ``upstreams`` is a table of the file only."""
    return tuple(
        Declaration(
            name=entry.name,
            env=f"JETON_{entry.name.upper()}",
            flag="" if entry.name == "upstream_api_key" else _render_flag(entry.name),
            default=_render_default(entry.default),
            unit=entry.metadata["unit"],
            sentence=entry.metadata["sentence"],
            parse=entry.metadata["parse"],
            is_boolean=isinstance(entry.default, bool),
        )
        for entry in fields(Settings)
        if entry.metadata and entry.default is not MISSING
    )


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
            text, place = _render_scalar(option), declaration.flag
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
    if settings.upstream_api_key and not settings.upstream_url:
        mistakes.append("upstream_api_key is given without upstream_url: say which server it is for.")
    return mistakes


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
    root.refuse_unknown(frozenset({"upstreams", *(declaration.name for declaration in declarations)}))
    values: dict[str, Any] = {}
    for declaration in declarations:
        if declaration.name in parsed:
            text = _render_scalar(parsed[declaration.name])
            values |= _parse(declaration, text, f"{path}:{lines[(declaration.name,)]}", mistakes)
    if "upstreams" in parsed:
        tables = root.tables("upstreams")[:UPSTREAMS_MAX]
        values["upstreams"] = tuple(_read_upstream(table, environment) for table in tables)
        _refuse_doubles(tables)
    mistakes += [f"{name}:{line}: {sentence}" for name, line, sentence in sorted(found)]
    return values


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
    clone = Path(__file__).resolve().parents[2]
    return (clone if (clone / "pyproject.toml").exists() else Path.cwd()) / ".jeton"


def _render_flag(name: str) -> str:
    return f"--{name.removeprefix('is_').replace('_', '-')}"


def _render_scalar(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _render_default(value: object) -> str:
    return "" if value == () else _render_scalar(value)
