"""Footer: the columns of links at the foot of every page, ours and the operator's."""

from jeton.site.deps import SiteDeps

Link = tuple[str, str]

HELP = "Help and security"


def build_footer(deps: SiteDeps) -> tuple[tuple[str, tuple[Link, ...]], ...]:
    """Each column's title with its links, as name and address."""
    columns: dict[str, list[Link]] = {
        "Solutions": [
            ("Pricing", "/pricing"),
            ("Message Batches", "/docs/batches"),
            ("Prompt caching", "/docs/prompt-caching"),
            ("Console", "/console"),
        ],
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
    columns[HELP] += deps.wording.social_links
    return tuple((title, tuple(links)) for title, links in columns.items())


def _help(deps: SiteDeps) -> list[Link]:
    links = [("Availability", "/docs/status#availability"), ("Status", "/docs/status")]
    if deps.pool is not None:
        links += [("Support", "/contact-support"), ("Contact sales", "/contact-sales")]
        return links
    if deps.support_email:
        links.append(("Support", f"mailto:{deps.support_email}"))
    if deps.sales_email:
        links.append(("Contact sales", f"mailto:{deps.sales_email}"))
    return links
