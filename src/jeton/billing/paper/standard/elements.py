"""Elements: the little of XML that a document needs, with whatever namespaces its syntax has.

Names are written with their prefix. Nothing here is registered for the whole process, since documents are
drawn in several threads at once.
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping

# XML 1.0 has no control characters but these.
_CONTROLS = dict.fromkeys(range(32), " ")


def start(name: str) -> ET.Element:
    """A root."""
    return ET.Element(name)


def add(parent: ET.Element, path: str, *, text: str = "", **attributes: str) -> ET.Element:
    """A chain of elements ``ram:A/ram:B`` below a parent, the last one with a text and attributes."""
    element = parent
    for name in path.split("/"):
        element = ET.SubElement(element, name)
    element.text = " ".join(text.translate(_CONTROLS).split()) or None
    for name, value in attributes.items():
        element.set(name, value)
    return element


def add_text(parent: ET.Element, path: str, *, text: str, **attributes: str) -> None:
    """As ``add``, but nothing for an empty text: EN 16931 has no empty elements."""
    if text.strip():
        add(parent, path, text=text, **attributes)


def render(root: ET.Element, namespaces: Mapping[str, str]) -> bytes:
    """The XML, in UTF-8 with its declaration; ``namespaces`` by prefix, "" for names without one."""
    used = sorted({_prefix(element.tag) for element in root.iter()})
    for prefix in used:
        root.set(f"xmlns:{prefix}" if prefix else "xmlns", namespaces[prefix])
    ET.indent(root, " ")
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _prefix(name: str) -> str:
    return name.partition(":")[0] if ":" in name else ""
