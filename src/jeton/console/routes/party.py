"""Party: the site that passkeys are for, as the Console's address has it, and how a question is sent."""

from starlette.requests import Request
from starlette.responses import Response

from jeton.console.deps import ConsoleDeps
from jeton.console.pages import SECURITY_HEADERS
from jeton.identity.passkeys.terms import LOCALHOST, Party, PasskeysUnavailableError, find_party


def find_request_party(request: Request, deps: ConsoleDeps) -> Party | None:
    """The site that passkeys are for: the public address, and without one localhost only; else None."""
    if deps.base_url:
        return find_party(deps.base_url, deps.brand_name)
    party = find_party(f"{request.url.scheme}://{request.headers.get('host', '')}", deps.brand_name)
    return party if party is not None and party.domain == LOCALHOST else None


def get_request_party(request: Request, deps: ConsoleDeps) -> Party:
    """As ``find_request_party``; PasskeysUnavailableError where there is none."""
    party = find_request_party(request, deps)
    if party is None:
        raise PasskeysUnavailableError
    return party


def answer_options(options: str) -> Response:
    """A question for the browser's authenticators."""
    return Response(options, headers=dict(SECURITY_HEADERS), media_type="application/json")
