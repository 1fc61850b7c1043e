"""Elements: the little of XML that a document needs, with the namespaces of CII."""

import xml.etree.ElementTree as ET
from datetime import date
from fractions import Fraction

from jeton.billing.currencies import minor_digits, render_minor
from jeton.billing.paper.cii.limits import AMOUNT_DIGITS

NAMESPACES = {
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
    "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
}
_DECIMALS_MAX = 12
# XML 1.0 has no control characters but these.
_CONTROLS = dict.fromkeys(range(32), " ")


def start(name: str) -> ET.Element:
    """A root."""
    return ET.Element(_full(name))


def add(parent: ET.Element, path: str, *, text: str = "", **attributes: str) -> ET.Element:
    """A chain of elements ``ram:A/ram:B`` below a parent, the last one with a text and attributes."""
    element = parent
    for name in path.split("/"):
        element = ET.SubElement(element, _full(name))
    element.text = " ".join(text.translate(_CONTROLS).split()) or None
    for name, value in attributes.items():
        element.set(name, value)
    return element


def add_text(parent: ET.Element, path: str, *, text: str, **attributes: str) -> None:
    """As ``add``, but nothing for an empty text: EN 16931 has no empty elements."""
    if text.strip():
        add(parent, path, text=text, **attributes)


def add_date(parent: ET.Element, path: str, *, on: date, prefix: str = "udt") -> None:
    """A date as CII writes it: ``20261115``, format 102."""
    add(parent, f"{path}/{prefix}:DateTimeString", text=f"{on:%Y%m%d}", format="102")


def render(root: ET.Element) -> bytes:
    """The XML, in UTF-8 with its declaration."""
    for prefix, uri in NAMESPACES.items():
        ET.register_namespace(prefix, uri)
    ET.indent(root, " ")
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def render_amount(minor: int, currency: str) -> str:
    """An amount with two decimals at most: fils were found to be whole tens before."""
    text = render_minor(minor, currency)
    excess = minor_digits(currency) - AMOUNT_DIGITS
    return text[:-excess] if excess > 0 else text


def render_number(number: Fraction) -> str:
    """A number as a decimal, exact where it ends within 12 places."""
    scaled = round(abs(number) * 10**_DECIMALS_MAX)
    whole, rest = divmod(scaled, 10**_DECIMALS_MAX)
    decimals = f"{rest:0{_DECIMALS_MAX}d}".rstrip("0")
    return f"{'-' if number < 0 and scaled else ''}{whole}{'.' if decimals else ''}{decimals}"


def _full(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"
