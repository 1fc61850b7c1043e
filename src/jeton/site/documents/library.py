"""Library: every page of the documentation in the order of its index, and what stands beside it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib import resources

from jeton.site.documents.filling import fill_in
from jeton.site.documents.rendering import Document, render
from jeton.site.documents.sections import Section, split_sections


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the index with its pages, by slug."""

    title: str
    slugs: tuple[str, ...]


# The order of the index; what is not named comes after, by title.
GROUPS = (
    Group("Start", ("quickstart", "messages-api", "openai-api", "embedded-model", "errors")),
    Group("Tokens and prices", ("tokens", "prompt-caching", "batches", "prices")),
    Group(
        "Credit and limits",
        (
            "credits",
            "budgets",
            "rate-limits",
            "payment",
            "invoices",
            "document-files",
            "receivables",
            "auto-reload",
            "billing-contract",
        ),
    ),
    Group(
        "See what happened",
        (
            "console",
            "access",
            "single-sign-on",
            "usage-and-cost",
            "metrics",
            "receipts",
            "ledger",
            "exports",
            "focus",
            "webhooks",
            "admin-api",
        ),
    ),
    Group(
        "Run it",
        (
            "self-hosting",
            "settings",
            "upstreams",
            "observability",
            "operating",
            "status",
            "changelog",
            "public-pages",
            "feedback-and-questions",
        ),
    ),
)
OTHERS = "More"
# What stands at the end of a page beside what its file has.
_APPENDED = {"changelog": "\n## Prices\n\n[[price changes]]\n\nAs a feed: `/docs/changelog.atom`.\n"}
# Where something is filled in when a page is read.
_MARK = re.compile(r"\[\[[a-z ]+\]\]\s*")
_ORDER = tuple(slug for group in GROUPS for slug in group.slugs)


class Documents:
    """Every page of ``content/``, rendered once a process, when first asked for."""

    def list(self) -> tuple[Document, ...]:
        """All of them, in the order of the index."""
        return tuple(_render_all().values())

    def find(self, slug: str) -> Document | None:
        """The document at an address, if there is one."""
        return _render_all().get(slug)

    @cached_property
    def groups(self) -> tuple[tuple[str, tuple[Document, ...]], ...]:
        """The index: each part with its pages; a part without any is left out."""
        found = [(group.title, tuple(self._list_known(group))) for group in GROUPS]
        others = tuple(document for document in self.list() if document.slug not in _ORDER)
        return tuple((title, pages) for title, pages in (*found, (OTHERS, others)) if pages)

    def neighbours(self, slug: str) -> tuple[Document | None, Document | None]:
        """The page before and the page after one, in the order of the index."""
        pages = self.list()
        place = next(number for number, page in enumerate(pages) if page.slug == slug)
        before = pages[place - 1] if place else None
        return before, pages[place + 1] if place + 1 < len(pages) else None

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Every section of every page as plain text, for search and for answers with citations.

        What is filled in when a page is read is not among it.
        """
        sections = (section for document in self.list() for section in split_sections(document))
        return tuple(replace(section, text=_MARK.sub("", section.text)) for section in sections)

    def _list_known(self, group: Group) -> Iterator[Document]:
        for slug in group.slugs:
            document = self.find(slug)
            if document is not None:
                yield document


@cache
def _render_all() -> Mapping[str, Document]:
    """The package's pages by slug, in the order of the index; rendering them takes a third of a second."""
    folder = resources.files("jeton.site").joinpath("content")
    files = [file for file in folder.iterdir() if file.name.endswith(".md")]
    sources = {file.name.removesuffix(".md"): file.read_text("utf-8") for file in files}
    rendered = [render(slug, fill_in(source) + _APPENDED.get(slug, "")) for slug, source in sources.items()]
    return {document.slug: document for document in sorted(rendered, key=_place)}


def _place(document: Document) -> tuple[int, str]:
    known = document.slug in _ORDER
    return (_ORDER.index(document.slug) if known else len(_ORDER), document.title)
