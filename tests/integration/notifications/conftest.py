"""A certificate for ``hooks.example.com``, and a mail server of our own."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import cast

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from jeton.db.pool import Pool

from .stage import Stage


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that signs itself, and its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("The openssl command, which makes the test's certificate, is not installed.")
    folder = tmp_path_factory.mktemp("certificate")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=hooks.example.com", "-addext"]
    command += ["subjectAltName=DNS:hooks.example.com,IP:127.0.0.1", "-days", "2"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "certificate.pem").read_text())
    return both


@dataclass
class Post:
    """What a mail server got; it refuses recipients in ``refused`` with their answer.

    Without slots: aiosmtpd looks at every member, and Python 3.11.2 stumbles over one of slots' own.
    """

    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    signed_in: list[tuple[bytes, bytes]] = field(default_factory=list)
    is_secure: list[bool] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name for it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name for it
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep a mail."""
        mail = message_from_bytes(cast("bytes", envelope.content), policy=policy.default)
        self.mails.append((list(envelope.rcpt_tos), mail))
        self.is_secure.append(session.ssl is not None)
        return "250 taken"

    def authenticate(self, *given: object) -> AuthResult:
        """Let jeton in."""
        login = given[-1]
        pair = (getattr(login, "login", b""), getattr(login, "password", b""))
        self.signed_in.append(pair)
        return AuthResult(success=pair == (b"jeton", b"a password"))


@asynccontextmanager
async def open_post(tls: ssl.SSLContext | None = None) -> AsyncIterator[Post]:
    """A mail server on 127.0.0.1; with ``tls`` it takes mail only after STARTTLS and a password."""
    post = Post()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            post,
            loop=loop,
            enable_SMTPUTF8=True,
            tls_context=tls,
            require_starttls=tls is not None,
            auth_required=tls is not None,
            authenticator=post.authenticate,
        ),
        "127.0.0.1",
        0,
    )
    post.port = server.sockets[0].getsockname()[1]
    async with server:
        yield post


@pytest.fixture
async def stage(pool: Pool) -> Stage:
    stage = Stage(pool)
    await stage.open()
    return stage
