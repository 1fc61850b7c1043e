"""Sources: what an answer may be made of: every page of the documentation, and the FAQ as it is now."""

import time
from collections.abc import Callable, Iterator

from jeton.site.asking.finding import Finder
from jeton.site.documents import Documents, Section
from jeton.site.faq.sections import split_faq

# How old the numbers of the FAQ may be.
FRESH_S = 3_600
# About the public pages themselves: each question's words are somewhere in their list.
LEFT_OUT = frozenset({"public-pages"})


class Sources:
    """The sections and a finder over them, which is made anew when the FAQ's numbers are old."""

    def __init__(self, documents: Documents, render_faq: Callable[[], str]) -> None:
        """``render_faq`` gives the FAQ as Markdown, with the numbers of now."""
        self._documents = documents
        self._render_faq = render_faq
        self._finder: Finder | None = None
        self._made_at = 0.0

    def get_finder(self) -> Finder:
        """The finder; making it takes some tens of milliseconds."""
        now = time.monotonic()
        if self._finder is None or now - self._made_at > FRESH_S:
            self._finder, self._made_at = Finder(self.list_sections()), now
        return self._finder

    def list_sections(self) -> Iterator[Section]:
        """Everything that may be cited."""
        for section in self._documents.sections:
            if section.slug not in LEFT_OUT:
                yield section
        yield from split_faq(self._render_faq())
