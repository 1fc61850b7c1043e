"""Mail: an event as a letter, and one attempt to hand it to the operator's mail server."""

import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from importlib import resources
from typing import Literal

import aiosmtplib
from jinja2 import Environment

from jeton import clock
from jeton.errors import JetonError
from jeton.notifications.catalogue.data import EventData
from jeton.notifications.webhook import Attempt, keep

TIMEOUT_S = 30.0
# From here on an answer about a recipient means "not now and not later" (RFC 5321, 4.2.1).
PERMANENT = 500

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The operator's mail server; ``sender`` is the address that mails come from."""

    host: str
    port: int
    security: Security
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a letter; ``media_type`` such as ``application/pdf``."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What is told to whom; ``letter_id`` is the same at every attempt."""

    letter_id: str
    recipient: str
    organization_name: str
    data: EventData
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Note:
    """A mail with one link, which is written nowhere else."""

    recipient: str
    subject: str
    sentence: str
    link: str
    link_text: str
    footer: str


# Makes the files that go with the mail of an event, at the moment at which it is sent.
Attach = Callable[[EventData], Awaitable[tuple[Attachment, ...]]]


async def _attach_nothing(_: EventData) -> tuple[Attachment, ...]:
    return ()


class Mailer:
    """Writes mails and hands them to the server."""

    def __init__(
        self,
        server: SmtpServer,
        *,
        brand_name: str,
        console_url: str,
        timeout_s: float = TIMEOUT_S,
        attach: Attach = _attach_nothing,
    ) -> None:
        """``console_url`` is "" where nobody knows it; ``attach`` makes the files of a mail."""
        self._server = server
        self._brand_name = " ".join(brand_name.split())
        self._console_url = console_url
        self._timeout_s = timeout_s
        self._attach = attach
        environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
        source = resources.files("jeton.notifications").joinpath("templates/mail.html").read_text("utf-8")
        self._html = environment.from_string(source)

    def render(self, letter: Letter, papers: Sequence[Attachment] = ()) -> EmailMessage:
        """The mail: text, the same as HTML, and files."""
        message = EmailMessage()
        message["From"] = self._server.sender
        message["To"] = letter.recipient
        message["Subject"] = " ".join(f"{self._brand_name}: {letter.data.subject}".split())
        message["Date"] = format_datetime(letter.occurred_at)
        message["Message-ID"] = f"<{letter.letter_id}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"
        footer = self._render_footer(letter)
        has_link = self._console_url and not letter.data.is_letter
        link = f"{self._console_url}{letter.data.page}" if has_link else ""
        paragraphs = (letter.data.sentence, f"See {link}" if link else "", footer)
        message.set_content("\n\n".join(text for text in paragraphs if text) + "\n")
        message.add_alternative(
            self._html.render(
                brand_name=self._brand_name,
                subject=letter.data.subject,
                sentence=letter.data.sentence,
                link=link,
                footer=footer,
            ),
            subtype="html",
        )
        for file in papers:
            main, _, sub = file.media_type.partition("/")
            message.add_attachment(file.content, maintype=main, subtype=sub, filename=file.name)
        return message

    def _render_footer(self, letter: Letter) -> str:
        organization_name = letter.organization_name
        if letter.data.is_letter:
            return f"{self._brand_name} answers what you wrote to it."
        if not organization_name:
            return f"{self._brand_name} tells this to its operator."
        return (
            f"{self._brand_name} tells this to the admins and billing members of {organization_name}, and to"
            " whom they named."
        )

    def render_note(self, note: Note) -> EmailMessage:
        """A note as a mail: text, and the same as HTML."""
        message = EmailMessage()
        message["From"] = self._server.sender
        message["To"] = note.recipient
        message["Subject"] = " ".join(f"{self._brand_name}: {note.subject}".split())
        message["Date"] = format_datetime(clock.now())
        message["Message-ID"] = make_msgid("note", self._domain)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(f"{note.sentence}\n\n{note.link_text}: {note.link}\n\n{note.footer}\n")
        html = self._html.render(
            brand_name=self._brand_name,
            subject=note.subject,
            sentence=note.sentence,
            link=note.link,
            link_text=note.link_text,
            footer=note.footer,
        )
        message.add_alternative(html, subtype="html")
        return message

    async def send_note(self, note: Note) -> Attempt:
        """Make one attempt to send a note; it raises nothing that the server could cause."""
        return await self._hand_over(self.render_note(note))

    async def send(self, letter: Letter) -> Attempt:
        """Make one attempt; it raises nothing that the server could cause."""
        try:
            papers = await self._attach(letter.data) if letter.data.has_papers else ()
        except JetonError as error:
            # A letter that promises a file is not sent without it; it is tried again.
            return Attempt(keep(f"What goes with it cannot be made: {error}"))
        return await self._hand_over(self.render(letter, papers))

    @property
    def _domain(self) -> str:
        sender = parseaddr(self._server.sender)[1] or self._server.sender
        return sender.rpartition("@")[2]

    async def _hand_over(self, message: EmailMessage) -> Attempt:
        server = self._server
        try:
            _, answer = await aiosmtplib.send(
                message,
                hostname=server.host,
                port=server.port,
                username=server.user or None,
                password=server.password or None,
                use_tls=server.security == "tls",
                start_tls=server.security == "starttls",
                tls_context=server.tls,
                timeout=self._timeout_s,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            return _refusal(refused.code, refused.message, is_final=refused.code >= PERMANENT)
        except aiosmtplib.SMTPResponseException as error:
            # A wrong password or sender is the operator's to correct, so it is tried again.
            return _refusal(error.code, error.message)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return Attempt(keep(f"The mail server {server.host}:{server.port} did not take it: {error}"))
        return Attempt("", response=keep(answer))


def _refusal(code: int, answer: str, *, is_final: bool = False) -> Attempt:
    return Attempt(f"The mail server answered {code}.", code, keep(answer), is_final=is_final)
