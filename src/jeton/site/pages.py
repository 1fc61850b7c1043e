"""Pages: templates to answers, with the security headers of every page of the site."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from jeton.money import NANO_PER_USD, display_usd, render_exact
from jeton.site.deps import SiteDeps

SECURITY_HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}


class Pages:
    """The site's templates, with what every page knows."""

    def __init__(self, deps: SiteDeps) -> None:
        """Read templates from the package; nothing is rendered yet."""
        self._deps = deps
        self._environment = Environment(
            loader=PackageLoader("jeton.site", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["usd"] = display_usd
        self._environment.filters["rate"] = display_rate
        self._environment.filters["time"] = display_time

    def answer(
        self, request: Request, template: str, context: Mapping[str, object], *, status: int = 200
    ) -> Response:
        """A page as an answer."""
        html = self._environment.get_template(template).render(
            {
                "deps": self._deps,
                "base_url": self._deps.base_url or str(request.base_url).rstrip("/"),
                "path": request.url.path,
                **context,
            }
        )
        return HTMLResponse(html, status, headers=dict(SECURITY_HEADERS))


def display_rate(rate: Fraction) -> str:
    """A rate in nano as dollars for people, at least two decimals: ``$0.125``, ``$10.00``."""
    text = render_exact(rate / NANO_PER_USD)
    whole, _, decimals = text.partition(".")
    return f"${whole}.{decimals.ljust(2, '0')}"


def display_time(at: datetime) -> str:
    """An instant as pages show it."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
