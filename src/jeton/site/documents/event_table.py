"""Event table: every type of event with its data, for the documentation, from the classes of the code."""

import msgspec

from jeton.notifications.catalogue import EXAMPLES
from jeton.notifications.catalogue.data import EventData


def render_events() -> str:
    """All types as Markdown, one section each."""
    return "\n\n".join(_render(example) for example in EXAMPLES)


def _render(example: EventData) -> str:
    kind = type(example)
    schema = msgspec.json.schema(kind)
    properties = schema["$defs"][kind.__name__]["properties"]
    rows = [f"| `{name}` | {field['description']} |" for name, field in properties.items()]
    told = {"organization": "the organization", "operator": "the operator"}[kind.audience]
    mailed = "webhook and mail" if kind.is_mailed else "webhook only"
    data = msgspec.json.format(msgspec.json.encode(example)).decode()
    return "\n".join(
        (
            f"### `{kind.type}`",
            "",
            f"{kind.when} For {told}; {mailed}.",
            "",
            "| field | meaning |",
            "|---|---|",
            *rows,
            "",
            "```json",
            data,
            "```",
        )
    )
