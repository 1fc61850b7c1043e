"""Targets: the pages that may be voted on, each with the digest of its source."""

from hashlib import sha256
from importlib import resources

from jeton.site.documents import Documents

# Pages that are no document, with the template they are made of.
PAGES = {"faq": ("Frequently asked questions", "faq.html"), "pricing": ("Pricing", "pricing.html")}
_VERSION_CHARS = 16


class Targets:
    """What may be voted on. A version is of what we wrote, so live numbers do not change it."""

    def __init__(self, documents: Documents) -> None:
        """These documents, and PAGES."""
        self._documents = documents
        self._versions: dict[str, str] = {}

    def find_title(self, slug: str) -> str | None:
        """The page's title; None where there is no such page."""
        if slug in PAGES:
            return PAGES[slug][0]
        document = self._documents.find(slug)
        return None if document is None else document.title

    def find_version(self, slug: str) -> str:
        """The digest of the page's source as it is in this package."""
        if slug not in self._versions:
            place = f"templates/{PAGES[slug][1]}" if slug in PAGES else f"content/{slug}.md"
            source = resources.files("jeton.site").joinpath(place).read_bytes()
            self._versions[slug] = sha256(source).hexdigest()[:_VERSION_CHARS]
        return self._versions[slug]


def address_of(slug: str) -> str:
    """Where the page is."""
    return f"/{slug}" if slug in PAGES else f"/docs/{slug}"


def parse_slug(path: str) -> str:
    """The slug of an address of a page, with or without ``.md``; "" where it is none of ours."""
    place = path.partition("#")[0].partition("?")[0].removesuffix(".md").rstrip("/")
    slug = place.rpartition("/")[2]
    return slug if place in {slug, address_of(slug)} else ""
