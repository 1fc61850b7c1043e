"""Options: the declared settings as options of a command, so that each is written down once.

A wrapped command takes the options it names besides its own arguments; what was given is kept
for the time of the call, where ``chosen_settings`` finds it. And the console on which every
command prints.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from jeton.settings import Declaration, Settings, list_declarations, load_settings

# What every command needs that reads the database.
DATABASE_OPTIONS = ("data_dir", "database_url")
PLAIN_COLUMNS = 180

_CONFIG = "config"
_CONFIG_OPTION = typer.Option("--config", metavar="FILE", help="Configuration file (TOML). [JETON_CONFIG]")

_Options = Mapping[str, Any]
_chosen: ContextVar[_Options] = ContextVar("chosen", default={})  # noqa: B039 - nobody changes it


def make_console() -> Console:
    """A console of the terminal's width; in a pipe wide enough that no figure is cut."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_COLUMNS)


def chosen_settings() -> Settings:
    """The settings with this command's options; raises ConfigurationError."""
    options = dict(_chosen.get())
    config = options.pop(_CONFIG, None)
    return load_settings(options, config=Path(config) if config else None)


def with_options(command: Callable[..., Any], names: Iterable[str] | None = None) -> Callable[..., Any]:
    """The command with an option for each named setting (None: every one), and ``--config``."""
    if hasattr(command, "__signature__"):
        return command  # has its options already
    own = inspect.signature(command, eval_str=True)
    declarations = [
        declaration
        for declaration in list_declarations()
        if declaration.flag and (names is None or declaration.name in set(names))
    ]
    added = [_parameter(_CONFIG, str, _CONFIG_OPTION)]
    added += [
        _parameter(entry.name, bool if entry.is_boolean else str, _option(entry)) for entry in declarations
    ]

    @functools.wraps(command)
    def wrapper(**values: Any) -> Any:  # noqa: ANN401 - as the command
        given = {parameter.name: values.pop(parameter.name) for parameter in added}
        token = _chosen.set(given)
        try:
            return command(**values)
        finally:
            _chosen.reset(token)

    parameters = [*own.parameters.values(), *added]
    del wrapper.__wrapped__  # set by functools.wraps; Typer would look through it
    wrapper.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined] # where inspect looks for it
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapper


def _parameter(name: str, kind: type, option: Any) -> inspect.Parameter:  # noqa: ANN401 - whatever Typer makes
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _option(declaration: Declaration) -> Any:  # noqa: ANN401 - what typer.Option returns
    default = f" ({declaration.default or 'none'}{' ' if declaration.unit else ''}{declaration.unit})"
    text = f"{declaration.sentence.removesuffix('.')}{default}. [{declaration.env}]"
    if declaration.is_boolean:
        flags = f"{declaration.flag}/--no-{declaration.flag.removeprefix('--')}"
        return typer.Option(flags, help=text, show_default=False)
    return typer.Option(declaration.flag, metavar="VALUE", help=text, show_default=False)
