"""Elements: XML of somebody else's as a small tree, read without trusting it.

No document type, so no entity of its own and none of another file; bounded in bytes, elements and depth.
Namespaces are dropped: what differs between the versions of a message is their address, not their names.
"""

from dataclasses import dataclass, field
from xml.parsers import expat

ELEMENTS_MAX = 2_000_000
DEPTH_MAX = 50

_NAMESPACE_END = "}"


@dataclass(slots=True)
class Element:
    """One element: its name without a namespace, its attributes, text and children."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def find(self, path: str) -> "Element | None":
        """The first element at a path such as ``Refs/EndToEndId``."""
        return next(iter(self.find_all(path)), None)

    def find_all(self, path: str) -> "list[Element]":
        """All elements at a path, in their order."""
        found = [self]
        for name in path.split("/"):
            found = [child for element in found for child in element.children if child.name == name]
        return found

    def read(self, *paths: str) -> str:
        """The text at the first of these paths where there is any; else ""."""
        for path in paths:
            found = self.find(path)
            if found is not None and found.text.strip():
                return " ".join(found.text.split())
        return ""


def parse_elements(content: bytes) -> Element:
    """The root of a document; ValueError for what is not well-formed, or not safe to read."""
    parser = expat.ParserCreate(namespace_separator=_NAMESPACE_END)
    root = Element("", {})
    path = [root]
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > ELEMENTS_MAX or len(path) > DEPTH_MAX:
            raise ValueError("it has more elements than are read")
        element = Element(_local(name), {_local(key): value for key, value in attributes.items()})
        path[-1].children.append(element)
        path.append(element)

    def end(_name: str) -> None:
        path.pop()

    def add_text(text: str) -> None:
        path[-1].text += text

    def refuse(*_: object) -> None:
        raise ValueError("it has a document type, which no statement needs")

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = add_text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(content, True)  # noqa: FBT003 - the name of this argument is no keyword
    except expat.ExpatError as error:
        raise ValueError(f"line {error.lineno}: {expat.ErrorString(error.code)}") from None
    return root.children[0]


def _local(name: str) -> str:
    return name.rpartition(_NAMESPACE_END)[2]
