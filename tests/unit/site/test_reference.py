"""The API's description: every path that is served, every field of a body, and a document that validates."""

import ast
import importlib
import pkgutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

import jeton.admin
from jeton.site.reference.description import Field, load_description
from jeton.site.reference.openapi import build_openapi
from jeton.site.reference.page import render_markdown

PACKAGE = Path(jeton.__file__).parent
DESCRIPTION = load_description()
# Called by a payment provider with its signature, and by nobody with a key: the page of payments has it.
UNLISTED = {"/v1/billing/webhooks/stripe"}
# Bodies of the gateway take more fields than are described: the upstream's own.
ADMIN_BODIES = {
    operation.body
    for operation in DESCRIPTION.operations
    if operation.body and operation.key in ("admin", "operator")
}


def served() -> set[str]:
    """Every path under /v1 that a Route of an edge has, as it stands in the source."""
    paths = set()
    for file in [*(PACKAGE / "gateway").rglob("*.py"), *(PACKAGE / "admin").rglob("*.py")]:
        tree = ast.parse(file.read_text("utf-8"))
        names = {
            target.id: ast.literal_eval(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Route":
                code = compile(ast.Expression(node.args[0]), "a path", "eval")
                paths.add(eval(code, {}, names))  # noqa: S307 - a text of our own source, with its names
    return {path for path in paths if path.startswith("/v1/")}


def bodies() -> dict[str, type[msgspec.Struct]]:
    """Every struct of the Admin API, by its name."""
    found: dict[str, type[msgspec.Struct]] = {}
    for module in pkgutil.walk_packages(jeton.admin.__path__, "jeton.admin."):
        members = vars(importlib.import_module(module.name))
        found |= {
            name: value
            for name, value in members.items()
            if isinstance(value, type) and issubclass(value, msgspec.Struct)
        }
    return found


def test_every_path_is_described_and_no_other() -> None:
    assert {operation.path for operation in DESCRIPTION.operations} == served() - UNLISTED


@pytest.mark.parametrize("name", sorted(ADMIN_BODIES))
def test_a_body_has_the_fields_that_are_read(name: str) -> None:
    read = {field.name: field.required for field in msgspec.structs.fields(bodies()[name])}
    described = {field.name: field.is_always_there for field in DESCRIPTION.find_schema(name).fields}
    assert described == read


def test_every_name_is_of_an_object_and_every_object_is_used() -> None:
    names = {schema.name for schema in DESCRIPTION.schemas}
    used = {"Error"}
    for operation in DESCRIPTION.operations:
        used |= {operation.answer_schema, *([operation.body] if operation.body else [])}
    for schema in DESCRIPTION.schemas:
        used |= {bare(field) for field in schema.fields if bare(field)[0].isupper()}
    assert used == names


def bare(field: Field) -> str:
    return field.type.strip("[]")


def test_the_document_is_openapi() -> None:
    document = build_openapi(DESCRIPTION, brand="Example AI", base_url="https://api.example.com")
    OpenAPIV31SpecValidator(document).validate()
    assert len(ids(document)) == len(DESCRIPTION.operations) == len(set(ids(document)))


def ids(document: dict[str, Any]) -> list[str]:
    return [operation["operationId"] for path in document["paths"].values() for operation in path.values()]


def test_the_markdown_has_every_operation() -> None:
    text = "\n".join(render_markdown(DESCRIPTION))
    calls = [f"`{operation.method} {operation.path}`" for operation in DESCRIPTION.operations]
    assert [call for call in calls if call not in text] == []
