"""Footer: the columns of links at the foot of every page, ours and the operator's."""

from jeton.site.deps import SiteDeps

Link = tuple[str, str]

HELP = "Help and security"
# Drawn in static/social.svg; any other place is named in words only.
DRAWN = frozenset(
    {
        *("bluesky", "discord", "facebook", "github", "instagram", "linkedin"),
        *("mastodon", "reddit", "slack", "x", "youtube"),
    }
)

_SAID = DRAWN - {"discord"}


def build_footer(deps: SiteDeps) -> tuple[tuple[str, tuple[Link, ...]], ...]:
    """Each column's title with its links, as name and address."""
    columns: dict[str, list[Link]] = {
        "Solutions": [
            ("Pricing", "/pricing"),
            ("Message Batches", "/docs/batches"),
            ("Prompt caching", "/docs/prompt-caching"),
            ("Console", "/console"),
            *_contact_sales(deps),
        ],
        # The operator's own pages, if any: an empty column is not shown.
        "Company": [],
        "Learn": [
            ("Quickstart", "/docs/quickstart"),
            ("API reference", "/docs/api"),
            ("FAQ", "/faq"),
            ("All documentation", "/docs"),
            ("Changelog", "/docs/changelog"),
        ],
        HELP: _help(deps),
    }
    for column, name, address in deps.wording.footer_links:
        columns.setdefault(column, []).append((name, address))
    # Icons say the others; Discord is where help is, so it stands here too.
    columns[HELP] += [(name, to) for name, to in deps.wording.social_links if name.casefold() not in _SAID]
    return tuple((title, tuple(links)) for title, links in columns.items() if links)


def list_icons(deps: SiteDeps) -> tuple[tuple[str, str, str], ...]:
    """The places where people talk that have an icon: its name, theirs, and the address."""
    return tuple(
        (name.casefold(), name, address)
        for name, address in deps.wording.social_links
        if name.casefold() in DRAWN
    )


def _help(deps: SiteDeps) -> list[Link]:
    links = [("Availability", "/docs/status#availability"), ("Status", "/docs/status")]
    if deps.pool is not None:
        links.append(("Support", "/contact-support"))
    elif deps.support_email:
        links.append(("Support", f"mailto:{deps.support_email}"))
    return links


def _contact_sales(deps: SiteDeps) -> list[Link]:
    if deps.pool is not None:
        return [("Contact sales", "/contact-sales")]
    return [("Contact sales", f"mailto:{deps.sales_email}")] if deps.sales_email else []
