"""Corpus: the texts that a calibration is fitted on, each with its source and group.

Three shapes of folders are read: ``prose`` trees (KIND/GROUP/file, as plain text), ``i18n`` trees
(unpacked packages whose message catalogues name a language: MediaWiki's JSON, gettext's .po), and
``code`` trees (anything else; a file's group is its suffix). What was read goes into a manifest.
"""

import ast
import gzip
import html
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

SEED = 7
TEXT_CHARS_MIN = 200
PIECE_CHARS = 60_000
LANGUAGE_CHARS_MAX = 60_000
CODE_FILE_CHARS_MAX = 20_000
CODE_GROUP_CHARS_MAX = 900_000
# Shares of a language on the web are not equal; neither are these.
CODE_GROUP_CHARS = {
    "py": 2_500_000,
    "js": 1_800_000,
    "html": 1_200_000,
    "json": 1_500_000,
    "ts": 1_500_000,
}
CODE_SUFFIXES = frozenset(
    [
        "py",
        "js",
        "ts",
        "mjs",
        "cjs",
        "hpp",
        "h",
        "c",
        "cpp",
        "rb",
        "php",
        "go",
        "java",
        "rs",
        "kt",
        "swift",
        "sql",
        "sh",
        "css",
        "scss",
        "less",
        "scm",
        "lisp",
        "el",
        "lua",
        "pl",
        "erl",
        "hrl",
        "m",
        "mm",
        "sol",
        "vim",
        "ml",
        "xml",
        "html",
        "json",
        "yaml",
        "yml",
        "toml",
        "md",
        "rst",
        "tex",
        "R",
        "cmake",
        "jsx",
        "tsx",
        "cts",
        "pyi",
        "ini",
        "cfg",
        "csv",
        "proto",
        "gradle",
        "mustache",
        "rbs",
        "cs",
        "fs",
        "hs",
        "d",
        "tcl",
        "svg",
        "bat",
        "ps1",
        "txt",
    ]
)
# Runs: what is repeated, up to how often, between what.
RUN_CHARACTERS = (
    *(" ", "\n", "\t", "-", "=", "*", "#", "_", ".", "~", "/", "+", "|", "a", "x", "0", "!", "?", "A"),
    *(
        "\u2500",
        "\u2550",
        "\u3000",
        "\u2588",
        "\u2022",
        "  \n",
        "\n\n",
        " \n",
        "- ",
        "* ",
        ". ",
        "| ",
        "=-",
        "ab",
    ),
)
RUN_CHARS, RUN_CHARS_MAX = 140, 1_500
RUN_WORDS = (
    "the",
    "of",
    "and",
    "to",
    "in",
    "return",
    "value",
    "name",
    "data",
    "list",
    "item",
    "note",
    "table",
)
RUN_EDGES = ("", "", "\n", " ", ".", ",", ":")
PICTURES = ((0x1F300, 0x1F64F), (0x1F680, 0x1F6FF), (0x1F900, 0x1F9FF), (0x2600, 0x27BF))
PICTURE_DOCUMENTS = 12
PICTURE_RUNS = 900
_ENTRY = re.compile(r'(?m)^msgstr(?:\[\d\])? ((?:".*"\s*)+)')
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_WIKI = (
    (re.compile(r"\{\{[A-Za-z:]+[^{}]*\|([^{}|]*)\}\}"), r"\1"),
    (re.compile(r"\[\[(?:[^\]|]*\|)?([^\]]*)\]\]"), r"\1"),
    (re.compile(r"'''?|<[^>]*>|\{\{|\}\}|\$\d"), ""),
)


@dataclass(frozen=True, slots=True)
class Document:
    """A text, where it is from, and its language or file suffix."""

    source: str
    group: str
    name: str
    text: str


def read_prose(folder: Path) -> Iterator[Document]:
    """Files of KIND/GROUP/file below a folder, in pieces."""
    for path in sorted(folder.glob("*/*/*")):
        kind, group = path.relative_to(folder).parts[:2]
        yield from _cut(Document(kind, group, str(path.relative_to(folder)), _read(path)))


def read_catalogues(folder: Path) -> Iterator[Document]:
    """Messages of translated programs below a folder, one document per language."""
    messages: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("i18n/**/*.json")):
        if path.stem not in {"en", "qqq"}:
            values = json.loads(path.read_text(encoding="utf-8")).values()
            messages["wiki", path.stem] += [_clean_wiki(value) for value in values if isinstance(value, str)]
    for path in sorted(folder.rglob("locale/*/LC_MESSAGES/*.po")):
        for entry in _ENTRY.finditer(_read(path)):
            parts = _STRING.findall(entry.group(1))
            messages["po", path.parts[-3]].append("".join(ast.literal_eval(part) for part in parts))
    # The same shuffle on every machine: what is shown together should not be fitted together.
    order = random.Random(SEED)  # noqa: S311 (no secret: the order of messages)
    for (source, language), found in sorted(messages.items()):
        longer = [message for message in found if len(message) > 25 and "Content-Type" not in message]
        order.shuffle(longer)
        yield Document(source, language, f"{source}/{language}", "\n".join(longer)[:LANGUAGE_CHARS_MAX])


def read_code(folders: Iterable[Path]) -> Iterator[Document]:
    """Source files and documents below folders, as many of each suffix as its share allows."""
    by_suffix: dict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            suffix = path.suffix.removeprefix(".")
            if suffix in CODE_SUFFIXES and path.is_file() and "i18n" not in path.parts:
                by_suffix[suffix].append(path)
    order = random.Random(SEED)  # noqa: S311 (no secret: the order of files)
    for suffix, paths in sorted(by_suffix.items()):
        order.shuffle(paths)
        chars = 0
        for path in paths:
            text = _read(path)[:CODE_FILE_CHARS_MAX]
            chars += len(text)
            if chars > CODE_GROUP_CHARS.get(suffix, CODE_GROUP_CHARS_MAX):
                break
            if len(text) >= TEXT_CHARS_MIN:
                yield Document("code", suffix, str(path), text)


def list_runs() -> Iterator[Document]:
    """Runs of one or two characters of many lengths, as rulers and indents are, and pictures."""
    order = random.Random(SEED)  # noqa: S311 (no secret: texts by rule)
    for characters in RUN_CHARACTERS:
        parts = []
        for length in (*range(1, RUN_CHARS), *(order.randrange(RUN_CHARS, RUN_CHARS_MAX) for _ in range(12))):
            run = characters * max(1, length // len(characters))
            parts.append(order.choice(RUN_WORDS) + order.choice(RUN_EDGES) + run + order.choice(RUN_EDGES))
        order.shuffle(parts)
        yield Document("synth", "runs", characters, "".join(parts))
    pictures = "".join(chr(point) for first, last in PICTURES for point in range(first, last + 1))
    for number in range(PICTURE_DOCUMENTS):
        parts = []
        for _ in range(PICTURE_RUNS):
            parts += [order.choice(RUN_WORDS), order.choice(RUN_EDGES)]
            parts += order.choices(pictures, k=order.choice((1, 1, 1, 2, 3, 5, 8)))
            parts.append(order.choice(("", "", "\ufe0f", " ")))
        yield Document("synth", "picture_runs", str(number), "".join(parts))


def summarize(documents: Iterable[Document]) -> dict[str, list[str | int]]:
    """Per source and group: how many texts, their characters, and a digest over all of them."""
    digests: dict[str, list[str]] = defaultdict(list)
    chars: dict[str, int] = defaultdict(int)
    for document in documents:
        cell = f"{document.source}/{document.group}"
        digests[cell].append(sha256(document.text.encode("utf-8", "surrogatepass")).hexdigest())
        chars[cell] += len(document.text)
    return {
        cell: [len(found), chars[cell], sha256("".join(sorted(found)).encode()).hexdigest()]
        for cell, found in sorted(digests.items())
    }


def _cut(document: Document) -> Iterator[Document]:
    text = document.text
    start = 0
    while start < len(text):
        end = min(len(text), start + PIECE_CHARS)
        line = text.rfind("\n", start + PIECE_CHARS // 2, end)
        if end < len(text) and line > 0:
            end = line + 1
        yield Document(document.source, document.group, f"{document.name}:{start}", text[start:end])
        start = end


def _read(path: Path) -> str:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return raw.decode("utf-8", "replace").replace("\r\n", "\n")


def _clean_wiki(message: str) -> str:
    for pattern, replacement in _WIKI:
        message = pattern.sub(replacement, message)
    return html.unescape(message)
