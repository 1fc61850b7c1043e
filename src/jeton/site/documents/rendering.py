"""Rendering: a page's Markdown as HTML, with anchors, working links and code to choose from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from jeton.site.documents.tabs import group_fences, render_code

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


def parse_markdown(source: str) -> tuple[list[Token], tuple[Heading, ...]]:
    """The tokens of a page and its headings, each with its anchor."""
    tokens = _make_markdown().parse(source)
    return tokens, _anchor_headings(tokens)


def render(slug: str, source: str) -> Document:
    """A document from its Markdown; its first heading is the title. Raw HTML is shown, not obeyed."""
    markdown = _make_markdown()
    tokens, headings = parse_markdown(source)
    _point_links(tokens)
    title = headings[0].text if headings else slug
    return Document(
        slug=slug,
        title=title,
        summary=_first_paragraph(tokens),
        html=markdown.renderer.render(_wrap_tables(group_fences(tokens)), markdown.options, {}),
        headings=headings[1:],
        source=source,
    )


def _make_markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("fence", _render_fence)
    markdown.add_render_rule("tabs", _render_as_it_is)
    return markdown


def _render_fence(
    _: RendererHTML, tokens: Sequence[Token], number: int, options: OptionsDict, env: EnvType
) -> str:
    del options, env
    return f"{render_code(tokens[number].content, tokens[number].info.strip())}\n"


def _render_as_it_is(
    _: RendererHTML, tokens: Sequence[Token], number: int, options: OptionsDict, env: EnvType
) -> str:
    del options, env
    return tokens[number].content


def _anchor_headings(tokens: Sequence[Token]) -> tuple[Heading, ...]:
    found: list[Heading] = []
    taken: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(child.content for child in inline.children or ())
            # As GitHub makes them, so that a link works in the repository and here.
            anchor = re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")
            times = taken[anchor] = taken.get(anchor, -1) + 1
            anchor = f"{anchor}-{times}" if times else anchor
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
            words = "".join(
                " " if child.type == "softbreak" else child.content for child in inline.children or ()
            )
            # What it leads to, code or a list, is not shown where a summary is.
            return f"{words[:-1]}." if words.endswith(":") else words
    return ""


def _wrap_tables(tokens: Sequence[Token]) -> list[Token]:
    """Put every table into a box that scrolls by itself, by keyboard too, and is named by its heading."""
    wrapped: list[Token] = []
    heading, count = "", 0
    for before, token in pairwise([Token("start", "", 0), *tokens]):
        if before.type == "heading_open":
            heading, count = "".join(child.content for child in token.children or ()), 0
        if token.type == "table_open":
            count += 1
            name = f"Table: {heading}" + (f", {count}" if count > 1 else "")
            attributes = {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": name}
            wrapped.append(Token("box_open", "div", 1, attrs=dict(attributes), block=True))
        wrapped.append(token)
        if token.type == "table_close":
            wrapped.append(Token("box_close", "div", -1, block=True))
    return wrapped
