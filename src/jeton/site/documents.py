"""Documents: the Markdown pages of the package, rendered, with anchors and working links."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from jeton.metering.contract import CONTRACT
from jeton.site.event_table import render_events

# The order of the index; what is not named comes after, by title.
ORDER = (
    "quickstart",
    "messages-api",
    "openai-api",
    "upstreams",
    "embedded-model",
    "tokens",
    "prices",
    "prompt-caching",
    "batches",
    "receipts",
    "billing-contract",
    "credits",
    "budgets",
    "rate-limits",
    "ledger",
    "console",
    "admin-api",
    "webhooks",
    "self-hosting",
    "observability",
    "settings",
    "errors",
)
CONTRACT_MARK = "[[billing contract]]"
EVENTS_MARK = "[[event catalogue]]"
_RELATIVE = re.compile(r"(?P<slug>[a-z0-9-]+)\.md(?P<anchor>#.*)?")


@dataclass(frozen=True, slots=True)
class Heading:
    """A section of a document."""

    level: int
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """One page: its address, its title, its HTML and its sections."""

    slug: str
    title: str
    summary: str
    html: str
    headings: tuple[Heading, ...]
    source: str


class Documents:
    """Every page of ``content/``, rendered once, when first asked for."""

    @cached_property
    def _by_slug(self) -> dict[str, Document]:
        folder = resources.files("jeton.site").joinpath("content")
        files = [file for file in folder.iterdir() if file.name.endswith(".md")]
        rendered = [render(file.name.removesuffix(".md"), fill_in(file.read_text("utf-8"))) for file in files]
        return {document.slug: document for document in sorted(rendered, key=_place)}

    def list(self) -> tuple[Document, ...]:
        """All of them, in the order of the index."""
        return tuple(self._by_slug.values())

    def find(self, slug: str) -> Document | None:
        """The document at an address, if there is one."""
        return self._by_slug.get(slug)


def fill_in(source: str) -> str:
    """The source with its live tables: made from what the code decides by, so neither can be wrong alone."""
    if EVENTS_MARK in source:
        source = source.replace(EVENTS_MARK, render_events())
    if CONTRACT_MARK not in source:
        return source
    rows = [f"| `{rule}` | {clause.when} | {clause.pays} |" for rule, clause in CONTRACT.items()]
    return source.replace(
        CONTRACT_MARK, "\n".join(("| rule | when | what is charged |", "|---|---|---|", *rows))
    )


def render(slug: str, source: str) -> Document:
    """A document from its Markdown; its first heading is the title. Raw HTML is shown, not obeyed."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(source)
    headings = _anchor_headings(tokens)
    _point_links(tokens)
    title = headings[0].text if headings else slug
    return Document(
        slug=slug,
        title=title,
        summary=_first_paragraph(tokens),
        html=markdown.renderer.render(_wrap_tables(tokens), markdown.options, {}),
        headings=headings[1:],
        source=source,
    )


def _place(document: Document) -> tuple[int, str]:
    known = document.slug in ORDER
    return (ORDER.index(document.slug) if known else len(ORDER), document.title)


def _anchor_headings(tokens: Sequence[Token]) -> tuple[Heading, ...]:
    found: list[Heading] = []
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(child.content for child in inline.children or ())
            # As GitHub makes them, so that a link works in the repository and here.
            anchor = re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")
            opening.attrSet("id", anchor)
            found.append(Heading(int(opening.tag[1:]), anchor, text))
    return tuple(found)


def _point_links(tokens: Sequence[Token]) -> None:
    for token in tokens:
        _point_links(token.children or ())
        target = str(token.attrGet("href") or "")
        relative = _RELATIVE.fullmatch(target)
        if relative is not None:
            token.attrSet("href", f"/docs/{relative['slug']}{relative['anchor'] or ''}")


def _first_paragraph(tokens: Sequence[Token]) -> str:
    for opening, inline in pairwise(tokens):
        if opening.type == "paragraph_open":
            return "".join(
                " " if child.type == "softbreak" else child.content for child in inline.children or ()
            )
    return ""


def _wrap_tables(tokens: Sequence[Token]) -> list[Token]:
    """Put every table into a box that scrolls by itself, reachable with the keyboard."""
    wrapped = []
    for token in tokens:
        if token.type == "table_open":
            attributes = {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": "Table"}
            wrapped.append(Token("box_open", "div", 1, attrs=dict(attributes), block=True))
        wrapped.append(token)
        if token.type == "table_close":
            wrapped.append(Token("box_close", "div", -1, block=True))
    return wrapped
