"""Documents: the pages of ``content/``, rendered once, and what is made of them."""

from jeton.site.documents.filling import fill_in
from jeton.site.documents.library import GROUPS, Documents, Group
from jeton.site.documents.rendering import Document, Heading, render
from jeton.site.documents.sections import Section, split_sections

__all__ = [
    "GROUPS",
    "Document",
    "Documents",
    "Group",
    "Heading",
    "Section",
    "fill_in",
    "render",
    "split_sections",
]
