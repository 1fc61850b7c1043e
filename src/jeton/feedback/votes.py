"""Votes: whether a page helped, once for each reader and version of it, and why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, get_args

from psycopg.types.json import Jsonb

from jeton import clock
from jeton.db.pool import Connection
from jeton.errors import OverloadedError
from jeton.feedback.errors import FeedbackError
from jeton.identity.names import parse_email
from jeton.notifications.inbox.items import WantedItem, open_item

COMMENT_CHARS_MAX = 2_000
INBOX_KIND = "docs_feedback"

Channel = Literal["person", "agent"]
Reason = Literal["", "outdated", "unclear", "wrong_number"]
REASONS: tuple[Reason, ...] = get_args(Reason)

_VOTE = """
    INSERT INTO page_votes AS v
        (slug, page_version, voter, channel, is_helpful, reason, comment, standing, voted_at, changed_at)
    VALUES (%(slug)s, %(page_version)s, %(voter)s, %(channel)s, %(is_helpful)s, %(reason)s, %(comment)s,
            %(standing)s, %(at)s, %(at)s)
    ON CONFLICT (slug, page_version, voter) DO UPDATE SET is_helpful = excluded.is_helpful,
        reason = excluded.reason, comment = excluded.comment, standing = excluded.standing,
        changed_at = excluded.changed_at
"""
_FIND = (
    "SELECT is_helpful, reason, comment FROM page_votes WHERE slug = %s AND page_version = %s AND voter = %s"
)


@dataclass(frozen=True, slots=True)
class Ballot:
    """Who votes on what: a page by its slug and the digest of its source, a reader by theirs.

    ``standing`` is how the organization of a member stands, in classes; None of everybody else.
    """

    slug: str
    page_version: str
    voter: bytes
    channel: Channel
    standing: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """What a reader thinks of a page; texts are "" where they were not given.

    ``reply_to`` is an e-mail for an answer: it goes to the inbox with the words, and not with the vote.
    """

    is_helpful: bool
    reason: Reason = ""
    comment: str = ""
    reply_to: str = ""


def digest_voter(kind: str, *parts: str) -> bytes:
    """A reader as they are stored; the parts cannot run into each other."""
    return sha256("\x00".join((kind, *parts)).encode("utf-8", "surrogatepass")).digest()


def parse_vote(*, is_helpful: bool, reason: str, comment: str, reply_to: str = "") -> Vote:
    """A vote out of what was sent; FeedbackError, and InvalidEmailError."""
    if reason not in REASONS:
        raise FeedbackError(f"the reason is not one of {', '.join(known for known in REASONS if known)}")
    text = comment.replace("\r\n", "\n").strip()
    if len(text) > COMMENT_CHARS_MAX or "\x00" in text:
        raise FeedbackError(f"the comment has over {COMMENT_CHARS_MAX} characters, or some that no text has")
    email = parse_email(reply_to.strip()) if reply_to.strip() else ""
    if email and not text:
        raise FeedbackError("there is an address for an answer, and nothing to answer")
    return Vote(is_helpful, next(known for known in REASONS if known == reason), text, email)


async def record_vote(connection: Connection, ballot: Ballot, vote: Vote) -> None:
    """Keep a vote in the place of the reader's earlier one.

    The inbox gets the words of a bad one, and of any that asks for an answer.
    """
    values = {
        "slug": ballot.slug,
        "page_version": ballot.page_version,
        "voter": ballot.voter,
        "channel": ballot.channel,
        "is_helpful": vote.is_helpful,
        "reason": vote.reason,
        "comment": vote.comment,
        "standing": None if ballot.standing is None else Jsonb(dict(ballot.standing)),
        "at": clock.now(),
    }
    async with connection.transaction():
        await connection.execute(_VOTE, values)
    if vote.comment and (vote.reply_to or not vote.is_helpful):
        await _tell(connection, ballot, vote)


async def find_vote(connection: Connection, ballot: Ballot) -> Vote | None:
    """The reader's vote on this version of the page, if there is one."""
    cursor = await connection.execute(_FIND, (ballot.slug, ballot.page_version, ballot.voter))
    row = await cursor.fetchone()
    return None if row is None else Vote(*row)


async def _tell(connection: Connection, ballot: Ballot, vote: Vote) -> None:
    item = WantedItem(
        INBOX_KIND,
        vote.comment,
        subject=f"/docs/{ballot.slug}",
        email=vote.reply_to,
        details={
            "page_version": ballot.page_version,
            "channel": ballot.channel,
            "reason": vote.reason,
            **(ballot.standing or {}),
        },
        dedup_key=sha256(ballot.voter + f"{ballot.slug}\x00{vote.comment}".encode()).hexdigest(),
    )
    try:
        await open_item(connection, item)
    except OverloadedError:
        # The vote with its words is kept; that the inbox is full is no fault of the reader's.
        return
