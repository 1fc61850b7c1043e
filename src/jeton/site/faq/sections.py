"""Sections: the FAQ cut at its questions, each with the anchor that the page has for it."""

from collections.abc import Iterator
from dataclasses import replace

from jeton.site.documents import Section, render, split_sections

FAQ = "faq"
# The page's own anchors, which are older than its text in Markdown.
_ANCHORS = {
    "How is token usage calculated?": "token-usage",
    "Are there free tiers or trials?": "trial",
    "How do discounts stack?": "stacking",
    "What payment methods are accepted?": "payment",
}


def split_faq(markdown: str) -> Iterator[Section]:
    """The questions of the FAQ, which is given as Markdown with the numbers of now."""
    for section in split_sections(render(FAQ, markdown)):
        yield replace(section, anchor=_ANCHORS.get(section.title, ""))
