"""Forms: bodies as Stripe's clients write them, ``a[b][0]=c``, as nested values."""

from typing import Any
from urllib.parse import parse_qsl


def parse_form(body: bytes) -> dict[str, Any]:
    """Nested dictionaries; a dictionary whose keys are 0, 1, … is a list."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(body.decode(), keep_blank_values=True):
        first, *rest = name.replace("]", "").split("[")
        here, key = root, first
        for part in rest:
            here, key = here.setdefault(key, {}), part
        here[key] = value
    return {key: _listed(value) for key, value in root.items()}


def _listed(value: object) -> object:
    if not isinstance(value, dict):
        return value
    values = {key: _listed(one) for key, one in value.items()}
    return list(values.values()) if all(key.isdigit() for key in values) else values
