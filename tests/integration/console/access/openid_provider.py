"""A tiny OpenID provider, as a process of its own: real HTTP, real RS256 signatures, PKCE and client secret.

``GET /authorize`` signs everybody in at once, as whom ``/become`` was told. Run as a module with a port.
"""

import base64
import hashlib
import json
import secrets
import sys
import time
from typing import Any
from urllib.parse import parse_qs, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID = "jeton"
CLIENT_SECRET = "the provider knows us by this: %&"
KEY_BITS = 2048
LIFE_S = 300


class Provider:
    """Codes that were given, keys, and what to say of whom."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.key = RSAKey.generate_key(KEY_BITS, {"kid": "one"}, private=True)
        self.claims: dict[str, Any] = {}
        self.twist = ""
        self.codes: dict[str, dict[str, str]] = {}

    async def discover(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer if self.twist != "issuer" else "https://other.example",
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        )

    async def keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def become(self, request: Request) -> Response:
        told = await request.json()
        self.claims, self.twist = told["claims"], told.get("twist", "")
        if self.twist == "new_key":
            self.key = RSAKey.generate_key(KEY_BITS, {"kid": "two"}, private=True)
        return Response(status_code=204)

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        query = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{query}", 303)

    async def token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        pair = base64.b64encode(f"{CLIENT_ID}:{encode(CLIENT_SECRET)}".encode()).decode()
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["code_challenge_method"] != "S256"
            or form.get("redirect_uri") != asked["redirect_uri"]
            or request.headers.get("authorization") != f"Basic {pair}"
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"token_type": "Bearer", "id_token": self.sign(asked["nonce"])})

    def sign(self, nonce: str) -> str:
        at = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID if self.twist != "audience" else "another",
            "sub": "7",
            "iat": at,
            "exp": at + LIFE_S if self.twist != "expired" else at - LIFE_S,
            "nonce": nonce if self.twist != "nonce" else "another",
            **self.claims,
        }
        key = self.key if self.twist != "signature" else RSAKey.generate_key(KEY_BITS, {"kid": "one"})
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, key, algorithms=["RS256"])


def encode(text: str) -> str:
    """As RFC 6749, 2.3.1 has it: form-encoded before it is joined."""
    return urlencode({"": text}).removeprefix("=").replace("+", "%20")


def main() -> None:
    """Serve until killed."""
    port = int(sys.argv[1])
    provider = Provider(f"http://127.0.0.1:{port}")
    routes = [
        Route("/.well-known/openid-configuration", provider.discover),
        Route("/keys", provider.keys),
        Route("/become", provider.become, methods=["POST"]),
        Route("/authorize", provider.authorize),
        Route("/token", provider.token, methods=["POST"]),
    ]
    sys.stdout.write(json.dumps({"issuer": provider.issuer}) + "\n")
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="error")


if __name__ == "__main__":
    main()
