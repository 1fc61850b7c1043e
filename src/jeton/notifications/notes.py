"""Notes: mails with a link that lets somebody in, written and handed over at once.

They are no events: an event is kept for ever, and the secret of a link is kept nowhere. So there is one
attempt; whoever gets no mail asks for another link.
"""

from dataclasses import dataclass
from datetime import datetime

from jeton.notifications.mail import Mailer, Note
from jeton.notifications.webhook import Attempt

LINK_PATH = "/console/sign-in/link"
INVITE_PATH = "/console/invite"
PASSKEYS_PATH = "/console/passkeys"


@dataclass(frozen=True, slots=True)
class Postman:
    """Writes notes for this installation, whose address is ``base_url``."""

    mailer: Mailer
    base_url: str
    brand_name: str

    async def send_link(self, email: str, secret: str, *, until: datetime) -> Attempt:
        """Send a link that signs in; one attempt."""
        note = Note(
            email,
            subject="Your link to sign in",
            sentence=(
                f"This link signs you in to the Console of {self.brand_name}, once, until {render(until)}."
            ),
            link=f"{self.base_url}{LINK_PATH}?token={secret}",
            link_text="Sign in",
            footer="If you did not ask for it, there is nothing to do: without the link nobody gets in.",
        )
        return await self.mailer.send_note(note)

    async def send_invite(self, asked: "Asked", secret: str) -> Attempt:
        """Send an invite; one attempt."""
        note = Note(
            asked.email,
            subject=f"{asked.organization_name} invites you",
            sentence=(
                f"{asked.invited_by} invites you to {asked.organization_name} at {self.brand_name}, with the"
                f" role {asked.role}. The link is good until {render(asked.expires_at)}."
            ),
            link=render_invite_link(self.base_url, secret),
            link_text="Accept the invite",
            footer="If you do not know who that is, there is nothing to do: nothing happens without you.",
        )
        return await self.mailer.send_note(note)

    async def send_passkey_added(self, email: str, name: str, *, at: datetime) -> Attempt:
        """Tell a person that a passkey was added, which is their way to notice that it was not them."""
        note = Note(
            email,
            subject="A passkey was added",
            sentence=(
                f"The passkey “{name}” was added at {render(at)}. It signs you in to the Console of"
                f" {self.brand_name} from now on."
            ),
            link=f"{self.base_url}{PASSKEYS_PATH}",
            link_text="Your passkeys",
            footer="If that was not you, remove it there and end your other sessions.",
        )
        return await self.mailer.send_note(note)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an invite says to the one who is invited."""

    email: str
    organization_name: str
    role: str
    invited_by: str
    expires_at: datetime


def render_invite_link(base_url: str, secret: str) -> str:
    """The address that accepts an invite."""
    return f"{base_url}{INVITE_PATH}?token={secret}"


def render(at: datetime) -> str:
    """An instant for people, to the minute."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
