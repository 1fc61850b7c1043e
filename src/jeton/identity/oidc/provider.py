"""Provider: the authorization code flow with PKCE (RFC 7636), by OpenID Connect Core and Discovery 1.0.

State, nonce and the code's verifier are derived from one secret in the browser's cookie, so nothing is kept
here and an answer is good in that browser only. Who asks the provider over the wire is given.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]  # it has no types
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]  # it has no types
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]  # it has no types
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from jeton.errors import UpstreamError
from jeton.identity.errors import InvalidEmailError
from jeton.identity.names import parse_email
from jeton.identity.oidc.terms import Identity, OidcError, OidcRefusedError, OidcTerms, OidcUnavailableError

SCOPES = "openid email profile"
# Signed with a key of the provider's; never none, never with our own secret.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY_S = 60
DISCOVERY_LIFE_S = 3600.0
CODE_CHARS_MAX = 4096
GROUPS_MAX = 1000
_DISCOVERY_PATH = "/.well-known/openid-configuration"
_OK = 200


class Fetch(Protocol):
    """One request to the provider; UpstreamError where there is no answer in time."""

    async def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, bytes]:
        """The status and the body, which is bounded."""
        ...


class Discovery(msgspec.Struct, frozen=True):
    """What a provider says of itself, as far as it is needed."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str = ""


class OidcClient:
    """Signs people in with one provider."""

    def __init__(self, terms: OidcTerms, fetch: Fetch) -> None:
        """Ask nothing yet."""
        self.terms = terms
        self._fetch = fetch
        self._discovery: tuple[float, Discovery] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def begin(self, secret: str) -> str:
        """Where to send a browser whose cookie holds ``secret``; OidcUnavailableError."""
        discovery = await self._discover()
        return str(
            prepare_grant_uri(
                discovery.authorization_endpoint,
                client_id=self.terms.client_id,
                response_type="code",
                redirect_uri=self.terms.redirect_url,
                scope=SCOPES,
                state=derive(secret, "state"),
                nonce=derive(secret, "nonce"),
                code_challenge=create_s256_code_challenge(derive(secret, "verifier")),
                code_challenge_method="S256",
            )
        )

    async def finish(self, secret: str, *, state: str, code: str) -> Identity:
        """Who came back with ``code``; OidcError, OidcRefusedError or OidcUnavailableError."""
        if not secret or not hmac.compare_digest(derive(secret, "state").encode(), state.encode()):
            raise OidcError("it was begun in another browser, or too long ago")
        if not 0 < len(code) <= CODE_CHARS_MAX or not code.isprintable():
            raise OidcError("the provider sent no code")
        discovery = await self._discover()
        tokens = await self._redeem(discovery, code, derive(secret, "verifier"))
        claims = await self._verify(discovery, tokens, nonce=derive(secret, "nonce"))
        return self._identify(claims)

    async def _discover(self) -> Discovery:
        if self._discovery is not None and time.monotonic() < self._discovery[0]:
            return self._discovery[1]
        issuer = self.terms.issuer
        discovery = await self._read(f"{issuer.rstrip('/')}{_DISCOVERY_PATH}", Discovery)
        if discovery.issuer != issuer:
            raise OidcUnavailableError(f"it calls itself {discovery.issuer[:200]!a}, not {issuer!a}")
        endpoints = (discovery.authorization_endpoint, discovery.token_endpoint, discovery.jwks_uri)
        # A secret and a code go to these, so they are as secure as the issuer is.
        if any(urlsplit(url).scheme not in {"https", urlsplit(issuer).scheme} for url in endpoints):
            raise OidcUnavailableError("it names an address that is not https")
        self._discovery = (time.monotonic() + DISCOVERY_LIFE_S, discovery)
        return discovery

    async def _read(self, url: str, kind: type[Discovery]) -> Discovery:
        status, body = await self._ask("GET", url, headers={"accept": "application/json"})
        if status != _OK:
            raise OidcUnavailableError(f"{url} answered with status {status}")
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise OidcUnavailableError(f"{url} is not what OpenID Connect Discovery says") from None

    async def _ask(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, bytes]:
        try:
            return await self._fetch(method, url, headers=headers, body=body)
        except UpstreamError as error:
            raise OidcUnavailableError(str(error).rstrip(".")) from None

    async def _redeem(self, discovery: Discovery, code: str, verifier: str) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.terms.redirect_url,
            "code_verifier": verifier,
        }
        headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
        terms = self.terms
        if not terms.client_secret:
            form["client_id"] = terms.client_id
        elif "client_secret_basic" in discovery.token_endpoint_auth_methods_supported:
            pair = f"{quote(terms.client_id, safe='')}:{quote(terms.client_secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": terms.client_id, "client_secret": terms.client_secret}
        status, body = await self._ask(
            "POST", discovery.token_endpoint, headers=headers, body=urlencode(form).encode()
        )
        try:
            tokens = msgspec.json.decode(body, type=_Tokens) if status == _OK else None
        except (msgspec.DecodeError, UnicodeDecodeError):
            tokens = None
        if tokens is None:
            raise OidcError("the provider did not accept its own code")
        return tokens

    async def _verify(self, discovery: Discovery, tokens: _Tokens, *, nonce: str) -> Mapping[str, Any]:
        try:
            token = await self._decode(discovery, tokens.id_token)
            wanted = {
                "iss": {"essential": True, "value": discovery.issuer},
                "aud": {"essential": True, "value": self.terms.client_id},
            }
            known = {
                "nonce": nonce,
                "client_id": self.terms.client_id,
                "access_token": tokens.access_token or None,
            }
            claims = CodeIDToken(token.claims, token.header, wanted, known)
            claims.validate(now=int(time.time()), leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:
            raise OidcError(f"its token is not valid ({type(error).__name__})") from None
        return dict(claims)

    async def _decode(self, discovery: Discovery, id_token: str) -> jwt.Token:
        """The token, if a key of the provider has signed it; a key that is new is asked for once."""
        is_fresh = self._keys is None or time.monotonic() >= self._keys[0]
        keys = await self._read_keys(discovery) if is_fresh or self._keys is None else self._keys[1]
        try:
            return jwt.decode(id_token, keys, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError):
            if is_fresh:
                raise
            return jwt.decode(id_token, await self._read_keys(discovery), algorithms=list(ALGORITHMS))

    async def _read_keys(self, discovery: Discovery) -> KeySet:
        status, body = await self._ask("GET", discovery.jwks_uri, headers={"accept": "application/json"})
        if status != _OK:
            raise OidcUnavailableError(f"{discovery.jwks_uri} answered with status {status}")
        try:
            keys = KeySet.import_key_set(msgspec.json.decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError, JoseError, ValueError, TypeError, KeyError):
            raise OidcUnavailableError(f"{discovery.jwks_uri} is no set of keys") from None
        self._keys = (time.monotonic() + DISCOVERY_LIFE_S, keys)
        return keys

    def _identify(self, claims: Mapping[str, Any]) -> Identity:
        try:
            email = parse_email(str(claims.get("email", "")))
        except InvalidEmailError:
            raise OidcRefusedError("it gives no e-mail of yours") from None
        # Where the provider does not vouch for it, anybody could have typed it in.
        if claims.get("email_verified") is not True:
            raise OidcRefusedError(f"it has not verified {email}")
        domain = email.rpartition("@")[2]
        if self.terms.domains and domain not in self.terms.domains:
            raise OidcRefusedError(f"people of {domain} do not sign in this way")
        groups = claims.get(self.terms.groups_claim)
        listed = groups[:GROUPS_MAX] if isinstance(groups, list) else []
        names = frozenset(group for group in listed if isinstance(group, str))
        return Identity(str(claims["sub"]), email, names)


def derive(secret: str, purpose: str) -> str:
    """A value of 256 bits for one purpose, 43 characters; whoever knows it does not know the secret."""
    digest = hmac.new(secret.encode(), f"jeton oidc {purpose}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
