"""Loading: price files into a price book, or every mistake in them at once, with file and line.

The packaged files are always there unless left out; an operator adds files or directories of
files in the same format. A model is priced in one file only.
"""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import pairwise

from jeton.errors import ConfigurationError
from jeton.pricing.book import PriceBook, PriceVersion
from jeton.pricing.models import read_model
from jeton.pricing.positions import index_lines
from jeton.pricing.reading import UNREAD_DAY, Source, Table

FILE_BYTES_MAX = 1_000_000
FILES_MAX = 1_000
_TOML_LINE = " (at "


@dataclass(frozen=True, slots=True)
class PriceFile:
    """A price file's name, as mistakes show it, and its bytes."""

    name: str
    content: bytes


def load_book(*paths: Traversable, is_packaged: bool = True) -> PriceBook:
    """Load the packaged price files, then ``paths``: files, or directories of ``*.toml`` files.

    ``is_packaged`` False leaves the packaged ones out. Raises ConfigurationError with every
    mistake, each as ``file:line: sentence``.
    """
    packaged = (resources.files("jeton.pricing").joinpath("books"),) if is_packaged else ()
    found = {str(file): file for path in (*packaged, *paths) for file in _list_files(path)}
    mistakes: list[tuple[str, int, str]] = []
    files = []
    if len(found) > FILES_MAX:
        raise ConfigurationError([f"price files: there are {len(found)}, more than {FILES_MAX}."])
    for name, file in found.items():
        try:
            files.append(PriceFile(name, file.read_bytes()))
        except OSError as error:
            mistakes.append((name, 1, f"cannot be read: {error.strerror}."))
    return parse_book(files, mistakes)


def parse_book(files: Sequence[PriceFile], mistakes: Iterable[tuple[str, int, str]] = ()) -> PriceBook:
    """Parse price files into a book; raises ConfigurationError with every mistake in all of them."""
    found = list(mistakes)
    versions: list[PriceVersion] = []
    names: dict[str, str] = {}
    for file in files:
        for table in _list_models(file, found):
            read = read_model(table)
            _refuse_doubles(table, read, names)
            versions.extend(read)
    if not versions and not found:
        found.append((files[0].name if files else "price files", 1, "no model has a price."))
    if found:
        raise ConfigurationError([f"{name}:{line}: {sentence}" for name, line, sentence in sorted(found)])
    return PriceBook(tuple(sorted(versions, key=lambda version: (version.model, version.from_on))))


def _list_files(path: Traversable) -> Iterator[Traversable]:
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            yield file


def _list_models(file: PriceFile, mistakes: list[tuple[str, int, str]]) -> Iterator[Table]:
    if len(file.content) > FILE_BYTES_MAX:
        mistakes.append((file.name, 1, f"a price file has at most {FILE_BYTES_MAX} bytes."))
        return
    try:
        text = file.content.decode()
    except UnicodeDecodeError as error:
        line = file.content[: error.start].count(b"\n") + 1
        mistakes.append((file.name, line, "not UTF-8."))
        return
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        mistakes.append((file.name, *_locate(str(error), text)))
        return
    source = Source(file.name, index_lines(text), mistakes)
    root = Table(source, (), parsed)
    root.refuse_unknown(frozenset({"models"}))
    models = root.table("models", is_required=True)
    if models is None:
        return
    for model in models.values:
        table = models.table(model)
        if table is not None:
            yield table


def _locate(message: str, text: str) -> tuple[int, str]:
    """The line and the sentence of tomllib's ``... (at line 3, column 7)`` or ``(at end of document)``."""
    sentence, _, place = message.rpartition(_TOML_LINE)
    words = place.replace(",", " ").split()
    line = int(words[1]) if words[:1] == ["line"] else len(text.splitlines())
    return max(line, 1), f"not TOML: {sentence or message}."


def _refuse_doubles(table: Table, versions: Sequence[PriceVersion], names: dict[str, str]) -> None:
    """Note a model or alias that is taken, and a gap or overlap in this model's timeline."""
    model = str(table.path[-1])
    aliases = versions[0].card.aliases if versions else ()
    for name in (model, *aliases):
        if name in names:
            table.blame(f"{name} is priced already in {names[name]}; price a model in one place.")
        else:
            names[name] = f"{table.source.name} ({model})"
    dated = [item for item in enumerate(versions) if item[1].from_on != UNREAD_DAY]
    in_order = sorted(dated, key=lambda item: item[1].from_on)
    for (_, earlier), (place, later) in pairwise(in_order):
        if sentence := _contradiction(earlier, later):
            table.source.blame((*table.path, "versions", place, "from_on"), sentence)


def _contradiction(earlier: PriceVersion, later: PriceVersion) -> str | None:
    """What is wrong between two versions that follow each other, if anything."""
    if earlier.from_on == later.from_on:
        return f"duplicate date: two versions are in force from {later.from_on}."
    if earlier.until_on is None:
        return (
            f"overlap: the version from {earlier.from_on} has no until_on, so it is in force with this "
            f"one from {later.from_on}; end it with until_on = {later.from_on}."
        )
    if earlier.until_on > later.from_on:
        return (
            f"overlap: two versions are in force from {later.from_on} until {earlier.until_on}; end the "
            f"earlier one with until_on = {later.from_on}."
        )
    if earlier.until_on < later.from_on:
        return (
            f"gap: no version is in force from {earlier.until_on} until {later.from_on}; let this one "
            f"begin on {earlier.until_on}."
        )
    return None
