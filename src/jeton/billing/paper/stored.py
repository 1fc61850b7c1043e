"""Stored: a document and a look as JSON, exactly, and back."""

import re
from fractions import Fraction
from typing import Any

import msgspec

from jeton.billing.paper.look import Look
from jeton.billing.words import Document
from jeton.errors import InvalidInputError
from jeton.money import render_exact

_NUMBER = re.compile(r"-?[0-9]{1,200}(?:[./][0-9]{1,200})?")
_CHARS_SHOWN = 60


class NotStoredError(InvalidInputError):
    """A text that is no document of ours."""

    code = "document_unreadable"


def render_document(document: Document) -> bytes:
    """Everything of a document, indented; fractions are exact decimals or ``numerator/denominator``."""
    return msgspec.json.format(msgspec.json.encode(document, enc_hook=_encode), indent=1)


def parse_document(text: bytes) -> Document:
    """The inverse of ``render_document``; NotStoredError names what is wrong."""
    try:
        return msgspec.json.decode(text, type=Document, dec_hook=_decode)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise NotStoredError(f"This is no document that was kept here: {error}.") from error


class _StoredLook(msgspec.Struct, forbid_unknown_fields=True):
    brand_name: str
    logo: str
    accent: str
    paper: Any


def render_look(look: Look) -> bytes:
    """A look without the operator's fonts, which are files of their own."""
    kept = _StoredLook(look.brand_name, look.logo.decode(), look.accent, look.paper)
    return msgspec.json.format(msgspec.json.encode(kept), indent=1)


def parse_look(text: bytes) -> Look:
    """The inverse of ``render_look``; NotStoredError names what is wrong."""
    try:
        kept = msgspec.json.decode(text, type=_StoredLook)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise NotStoredError(f"This is no look that was kept here: {error}.") from error
    return Look(kept.brand_name, kept.logo.encode(), kept.accent, kept.paper)


def _encode(value: object) -> object:
    if isinstance(value, Fraction):
        return render_exact(value)
    message = f"{type(value).__name__} has no JSON"
    raise NotImplementedError(message)


def _decode(kind: type, value: object) -> object:
    if kind is Fraction and isinstance(value, str):
        try:
            # Neither way of writing one has a power of ten, which could take minutes to read.
            if _NUMBER.fullmatch(value):
                return Fraction(value)
        except ZeroDivisionError:
            pass
        message = f"{value[:_CHARS_SHOWN]!r} is no number"
        raise ValueError(message)
    message = f"{value!r} is no {kind.__name__}"
    raise ValueError(message)
