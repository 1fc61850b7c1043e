"""Pages: templates to answers, with the security headers of every page of the site."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from types import MappingProxyType

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from jeton import clock
from jeton.money import NANO_PER_USD, display_usd, divide_half_even, render_exact
from jeton.site.deps import SiteDeps
from jeton.site.footer import build_footer, list_icons
from jeton.site.live.prices import ANNOUNCED_MAX, list_announced, list_price_changes

NANO_PER_CENT = NANO_PER_USD // 100
SECURITY_HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}

# Of a page with a reader's own numbers.
PRIVATE: Mapping[str, str] = MappingProxyType({"cache-control": "private, no-store", "vary": "cookie"})

# The Console's form sets it; whoever chose nothing gets what their browser says.
THEME_COOKIE = "jeton_theme"
THEMES: Mapping[str, str] = MappingProxyType({"": "System", "paper": "Paper", "ink": "Ink"})
PLACE_CHARS_MAX = 2_000
# What answers a form leads back to the page that has the form.
_FORM_PAGES: Mapping[str, str] = MappingProxyType({"/faq/count": "/faq", "/docs/feedback": "/docs"})


class Pages:
    """The site's templates, with what every page knows."""

    def __init__(self, deps: SiteDeps) -> None:
        """Read templates from the package; nothing is rendered yet."""
        self._deps = deps
        self._environment = Environment(
            loader=PackageLoader("jeton.site", "templates"),
            autoescape=_is_markup,  # noqa: S701 - on for all but the Markdown of a page, which is no HTML
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._footer = build_footer(deps)
        self._icons = list_icons(deps)
        self._changes = list_price_changes(deps.book)
        self._environment.filters["usd"] = display_usd
        self._environment.filters["cents"] = display_cents
        self._environment.filters["rate"] = display_rate
        self._environment.filters["time"] = display_time
        self._environment.filters["inline"] = mark_up_code
        self._environment.filters["slug"] = make_slug

    @property
    def brand_name(self) -> str:
        """The name on the pages."""
        return self._deps.brand_name

    def find_base_url(self, request: Request) -> str:
        """The address that people use."""
        return self._deps.base_url or str(request.base_url).rstrip("/")

    def answer(
        self, request: Request, template: str, context: Mapping[str, object], *, status: int = 200
    ) -> Response:
        """A page as an answer."""
        known = {
            "base_url": self.find_base_url(request),
            "path": request.url.path,
            "footer": self._footer,
            "social_icons": self._icons,
            "theme": find_theme(request),
            "themes": THEMES,
            "here": find_place(request),
            "coming": list_announced(self._changes, clock.now()),
            "coming_max": ANNOUNCED_MAX,
        }
        html = self.render(template, {**known, **context})
        return HTMLResponse(html, status, headers=dict(SECURITY_HEADERS))

    def render(self, template: str, context: Mapping[str, object]) -> str:
        """A template's text."""
        return self._environment.get_template(template).render({"deps": self._deps, **context})


def _is_markup(template: str | None) -> bool:
    """Everything but Markdown, which is read as it stands."""
    return template is None or not template.endswith(".md")


def find_theme(request: Request) -> str:
    """The theme that somebody chose, "" for none."""
    theme = request.cookies.get(THEME_COOKIE, "")
    return theme if theme in THEMES else ""


def find_place(request: Request) -> str:
    """Where the choice of a theme leads back to: this page."""
    path = request.url.path
    if request.method != "GET":
        return _FORM_PAGES.get(path, path)
    place = f"{path}?{request.url.query}" if request.url.query else path
    return place if len(place) <= PLACE_CHARS_MAX else path


def display_cents(nano: int) -> str:
    """An amount to the cent, ties to the even one: 6,615,525,000 is ``$6.62``."""
    return display_usd(divide_half_even(nano, NANO_PER_CENT) * NANO_PER_CENT)


def display_rate(rate: Fraction) -> str:
    """A rate in nano as dollars for people, at least two decimals: ``$0.125``, ``$10.00``."""
    text = render_exact(rate / NANO_PER_USD)
    whole, _, decimals = text.partition(".")
    return f"${whole}.{decimals.ljust(2, '0')}"


def display_time(at: datetime) -> str:
    """An instant as pages show it."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def mark_up_code(text: str) -> Markup:
    """A sentence with what stands between backticks as code."""
    parts = [escape(part) for part in text.split("`")]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part for number, part in enumerate(parts)
    )


def make_slug(text: str) -> str:
    """A heading as an anchor: ``Message Batches`` is ``message-batches``."""
    return "-".join(text.lower().split())
