"""OpenAPI: the description of the API as an OpenAPI 3.1 document."""

from typing import Any

from jeton import find_version
from jeton.site.reference.description import Description, Field, Operation, Schema

VERSIONS = ("2023-01-01", "2023-06-01", "2026-10-21")
_JSON = "application/json"
_MEDIA = {"file": "application/octet-stream", "jsonl": "application/x-jsonl", "events": "text/event-stream"}
_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "any": {},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "decimal": {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2,9}$"},
}


def build_openapi(description: Description, *, brand: str, base_url: str) -> dict[str, Any]:
    """The document; ``base_url`` is this server's."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in description.operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _render_operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{brand} API",
            "version": find_version(),
            "description": "The Claude Messages API with exact accounts, and what belongs to them.",
        },
        "servers": [{"url": base_url}],
        "tags": [{"name": name, "description": text} for name, text in description.tags],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "api_key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
            "schemas": {schema.name: _render_schema(schema) for schema in description.schemas},
        },
    }


def _render_operation(operation: Operation) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in operation.parameters
    ]
    parameters += [
        {
            "name": field.name,
            "in": "query",
            "required": field.is_always_there,
            "description": field.text,
            "schema": _render_type(field),
        }
        for field in operation.query
    ]
    if operation.needs_version:
        schema = {"type": "string", "enum": list(VERSIONS)}
        name = "anthropic-version"
        parameters.append({"name": name, "in": "header", "required": True, "schema": schema})
    rendered: dict[str, Any] = {
        "operationId": operation.operation_id,
        "tags": [operation.tag],
        "summary": operation.title,
        "description": f"{operation.text} {_KEYS[operation.key]}",
        "security": [{"api_key": []}, {"bearer": []}],
        "parameters": parameters,
        "responses": {
            "200": {"description": "Done.", "content": _render_answer(operation)},
            "default": {"description": "An error.", "content": {_JSON: {"schema": _refer("Error")}}},
        },
    }
    if operation.body:
        body = {"required": True, "content": {_JSON: {"schema": _refer(operation.body)}}}
        rendered["requestBody"] = body
    return rendered


_KEYS = {
    "api": "With an API key.",
    "admin": "With an admin key.",
    "either": "With an API key or an admin key.",
    "operator": "With an operator's key.",
}


def _render_answer(operation: Operation) -> dict[str, Any]:
    schema = _refer(operation.answer_schema)
    if operation.answer_kind == "file":
        schema = {"type": "string", "format": "binary"}
    if operation.answer_kind == "list":
        fields = {
            "data": {"type": "array", "items": schema},
            "has_more": {"type": "boolean"},
            "first_id": {"type": ["string", "null"]},
            "last_id": {"type": ["string", "null"]},
        }
        schema = {"type": "object", "required": ["data"], "properties": fields}
    return {_MEDIA.get(operation.answer_kind, _JSON): {"schema": schema}}


def _render_schema(schema: Schema) -> dict[str, Any]:
    return {
        "type": "object",
        "description": schema.text,
        "required": [field.name for field in schema.fields if field.is_always_there],
        "properties": {
            field.name: {**_render_type(field), "description": field.text} for field in schema.fields
        },
    }


def _render_type(field: Field) -> dict[str, Any]:
    is_list = field.type.startswith("[")
    rendered = _find_type(field.type.strip("[]"))
    if is_list:
        rendered = {"type": "array", "items": rendered}
    if not field.may_be_null or not rendered:
        return rendered
    if "$ref" in rendered:
        return {"anyOf": [rendered, {"type": "null"}]}
    return {**rendered, "type": [rendered["type"], "null"]}


def _find_type(name: str) -> dict[str, Any]:
    return _refer(name) if name[0].isupper() else dict(_TYPES[name])


def _refer(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
