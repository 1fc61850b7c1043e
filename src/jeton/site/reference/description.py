"""Description: the API's paths and objects, read from the two files that describe them."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

KeyKind = Literal["api", "admin", "either", "operator"]

_FIELD = re.compile(r"(?P<type>\[?[A-Za-z]+\]?)(?P<always>!?)(?P<null>\??) (?P<text>.+)")
_PARAMETER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object, or a parameter: ``type`` is a word of schemas.toml, in brackets for a list."""

    name: str
    type: str
    text: str
    is_always_there: bool
    may_be_null: bool


@dataclass(frozen=True, slots=True)
class Schema:
    """An object of the API."""

    name: str
    text: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path; ``answer`` names an object, after ``list:``, ``jsonl:``, ``events:`` many."""

    method: str
    path: str
    operation_id: str
    tag: str
    title: str
    text: str
    key: KeyKind
    body: str
    answer: str
    needs_version: bool
    query: tuple[Field, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in the path."""
        return tuple(_PARAMETER.findall(self.path))

    @property
    def answer_kind(self) -> str:
        """How objects come: ``""`` for one, ``file``, ``list``, ``jsonl`` or ``events``."""
        return self.answer.rpartition(":")[0]

    @property
    def answer_schema(self) -> str:
        """The name of the object that is answered."""
        return self.answer.rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class Description:
    """The whole API."""

    tags: tuple[tuple[str, str], ...]
    operations: tuple[Operation, ...]
    schemas: tuple[Schema, ...]

    def find_schema(self, name: str) -> Schema:
        """The object of a name; KeyError for one that is not described."""
        return {schema.name: schema for schema in self.schemas}[name]

    def list_tagged(self, tag: str) -> tuple[Operation, ...]:
        """The operations of a part."""
        return tuple(operation for operation in self.operations if operation.tag == tag)


@cache
def load_description() -> Description:
    """Read both files of the package."""
    routes, schemas = _read("routes.toml"), _read("schemas.toml")
    return Description(
        tags=tuple((tag["name"], tag["text"]) for tag in routes["tags"]),
        operations=tuple(_read_operation(table) for table in routes["operation"]),
        schemas=tuple(
            Schema(name, table["text"], tuple(_read_fields(table))) for name, table in schemas.items()
        ),
    )


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("jeton.site.reference").joinpath(name).read_text("utf-8"))


def _read_operation(table: dict[str, Any]) -> Operation:
    method, _, path = table["do"].partition(" ")
    return Operation(
        method=method,
        path=path,
        operation_id=table["id"],
        tag=table["tag"],
        title=table["title"],
        text=table["text"],
        key=table["key"],
        body=table.get("body", ""),
        answer=table["answer"],
        needs_version=table.get("version", False),
        query=tuple(_read_field(name, text) for name, text in table.get("query", {}).items()),
    )


def _read_fields(table: dict[str, Any]) -> Iterator[Field]:
    """Every field but the object's own sentence, which comes first and is called ``text`` as well."""
    for name, text in table.items():
        if name != "text":
            yield _read_field(name, text)


def _read_field(name: str, text: str) -> Field:
    found = _FIELD.fullmatch(text)
    if found is None:
        raise ValueError(f"{name}: {text!r} is not a type and a sentence.")
    return Field(name, found["type"], found["text"], bool(found["always"]), bool(found["null"]))
