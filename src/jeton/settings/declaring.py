"""Declaring: what is said of a setting where it is declared."""

from dataclasses import field
from typing import Any

from jeton.settings.parsers import Parse


def declare_setting(
    default: object, parse: Parse, sentence: str, *, unit: str = "", is_secret: bool = False
) -> Any:  # noqa: ANN401 - as dataclasses.field, whose value it is
    """A field that is a setting; a secret is never shown."""
    metadata = {"parse": parse, "sentence": sentence, "unit": unit, "is_secret": is_secret}
    return field(default=default, metadata=metadata, repr=not is_secret)
