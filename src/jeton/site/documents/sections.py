"""Sections: a page cut at its headings into plain text, each part with the address that shows it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from jeton.site.documents.rendering import Document, parse_markdown

# Pages that are read like documents and are not below /docs.
OUTSIDE = frozenset({"faq", "pricing"})


@dataclass(frozen=True, slots=True)
class Section:
    """The text below one heading, up to the next; ``anchor`` is "" for the page's own beginning.

    ``title`` is the heading's, ``page_title`` the page's; code is in ``text`` too, as it stands there.
    """

    slug: str
    anchor: str
    page_title: str
    title: str
    text: str

    @property
    def address(self) -> str:
        """Where a reader finds it."""
        place = f"/{self.slug}" if self.slug in OUTSIDE else f"/docs/{self.slug}"
        return f"{place}#{self.anchor}" if self.anchor else place


def split_sections(document: Document) -> Iterator[Section]:
    """The sections of a page in their order; the first has the page's own title."""
    title, anchor = document.title, ""
    texts: list[str] = []
    tokens, headings = parse_markdown(document.source)
    starts = iter(headings)
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = next(starts)
            if number:
                yield Section(document.slug, anchor, document.title, title, _join(texts))
                title, anchor = heading.text, heading.anchor
            texts = []
        elif token.type in {"fence", "code_block"} or (
            token.type == "inline" and tokens[number - 1].type != "heading_open"
        ):
            texts.append(_text_of(token))
        elif token.type == "tr_close":
            texts.append("\n")
    yield Section(document.slug, anchor, document.title, title, _join(texts))


def _text_of(token: Token) -> str:
    if not token.children:
        return token.content
    return "".join(_leaf(child) for child in token.children)


def _leaf(token: Token) -> str:
    return " " if token.type in {"softbreak", "hardbreak"} else token.content


def _join(texts: Sequence[str]) -> str:
    lines = " ".join(texts).split("\n")
    return "\n".join(" ".join(line.split()) for line in lines).strip()
