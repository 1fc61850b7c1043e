"""Cookies of signing in: for this site alone, out of reach of scripts, over https where that is used."""

from starlette.responses import Response

from jeton.console.deps import ConsoleDeps

# Not /console: a browser would keep such a cookie from /console.json.
COOKIE_PATH = "/"


def set_cookie(
    response: Response, *, deps: ConsoleDeps, name: str, secret: str, life_s: int | None = None
) -> None:
    """Set a cookie for ``life_s`` seconds, or until the browser is closed."""
    response.set_cookie(
        name,
        secret,
        max_age=life_s,
        path=COOKIE_PATH,
        httponly=True,
        samesite="lax",
        secure=deps.base_url.startswith("https:"),
    )
