"""Words: SCIM's names for things, its filters and the paths of its patches, as far as they are understood."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from jeton.admin.errors import InvalidBodyError
from jeton.errors import InvalidInputError
from jeton.identity.scim.terms import TEXT_CHARS_MAX, InvalidScimValueError

USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"
OPERATIONS_MAX = 1_000
FILTER_CHARS_MAX = 1_000

_EQUALS = re.compile(r'\s*([A-Za-z.]+)\s+eq\s+("(?:[^"\\]|\\.)*")\s*', re.IGNORECASE)
_MEMBER = re.compile(r'members\[\s*value\s+eq\s+("(?:[^"\\]|\\.)*")\s*\]', re.IGNORECASE)
_PATH = re.compile(r"[A-Za-z][\w$.:-]*(\[[^\]]{1,200}\])?(\.[A-Za-z$]\w*)?")


class InvalidFilterError(InvalidInputError):
    """A filter, or a number of a page, that is not understood."""

    code = "scim_invalid_filter"

    def __init__(self, problem: str) -> None:
        """Name the problem and what is understood."""
        super().__init__(f'{problem}. A filter names one attribute: userName eq "ada@example.com".')


class InvalidPathError(InvalidInputError):
    """A path of a patch that leads nowhere."""

    code = "scim_invalid_path"

    def __init__(self, path: str) -> None:
        """Name the path."""
        super().__init__(f"The path {path[:TEXT_CHARS_MAX]!a} leads nowhere here.")


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a patch: ``add``, ``replace`` or ``remove``; "" is the path of the whole resource."""

    op: str
    path: str
    value: object


def make_filter(fields: Mapping[str, str]) -> Callable[[str], tuple[str, str]]:
    """A reader of filters over these attributes (in lower case, with what they are called below)."""

    def find(text: str) -> tuple[str, str]:
        if not text.strip():
            return "", ""
        match = _EQUALS.fullmatch(text) if len(text) <= FILTER_CHARS_MAX else None
        if match is None:
            raise InvalidFilterError(f"The filter {text[:TEXT_CHARS_MAX]!a} is not understood")
        field = fields.get(match[1].lower())
        if field is None:
            raise InvalidFilterError(f"{match[1]} is no attribute that can be filtered by")
        return field, _read_quoted(match[2])

    return find


def read_operations(body: Mapping[str, object]) -> Iterator[Operation]:
    """The steps of a patch in order; InvalidBodyError. Names may be in any case, as directories do."""
    found = find_value(body, "operations")
    if not isinstance(found, list) or not 1 <= len(found) <= OPERATIONS_MAX:
        raise InvalidBodyError(f"Operations must be a list of 1 to {OPERATIONS_MAX} objects")
    for one in found:
        op = find_value(one, "op") if isinstance(one, dict) else None
        path = find_value(one, "path") if isinstance(one, dict) else None
        if not isinstance(op, str) or op.lower() not in {"add", "replace", "remove"}:
            raise InvalidBodyError("op must be add, replace or remove")
        if path is not None and (not isinstance(path, str) or not path.isprintable()):
            raise InvalidBodyError("path must be a text")
        yield Operation(op.lower(), strip_schema(path or ""), find_value(one, "value"))


def strip_schema(path: str) -> str:
    """A path without the schema of this resource before it, which may be left out."""
    for schema in (USER_SCHEMA, GROUP_SCHEMA):
        if path.lower().startswith(f"{schema.lower()}:"):
            return path[len(schema) + 1 :]
    return path


def find_member(path: str) -> str | None:
    """The user's id in a path such as ``members[value eq "scimuser_…"]``; None for another path."""
    match = _MEMBER.fullmatch(path)
    return None if match is None else _read_quoted(match[1])


def is_path(path: str) -> bool:
    """Whether a text could lead to an attribute, of this or of another schema."""
    return _PATH.fullmatch(path) is not None


def find_value(body: Mapping[str, object], name: str) -> object:
    """The value of an attribute, whose name may be written in any case (RFC 7643, 2.1)."""
    return next((value for key, value in body.items() if key.lower() == name), None)


def read_text(value: object, name: str) -> str:
    """A text, "" for null; InvalidScimValueError."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidScimValueError(name, "must be a text")
    return value


def read_truth(value: object, name: str) -> bool:
    """True or false, also as the text that some directories send; InvalidScimValueError."""
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise InvalidScimValueError(name, "must be true or false")
    return value


def _read_quoted(text: str) -> str:
    try:
        value = msgspec.json.decode(text, type=str)
    except (msgspec.DecodeError, UnicodeError):
        raise InvalidFilterError("The text in it cannot be read") from None
    if not value.isprintable():
        raise InvalidFilterError("The text in it has characters that cannot be printed")
    return value
