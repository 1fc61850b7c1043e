"""Votes: how helpful each page was, to people and to agents, and what they said of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from jeton.db.pool import Connection

PAGES_MAX = 500
COMMENTS_MAX = 50

_COUNT = """
    SELECT slug, count(*) FILTER (WHERE channel = 'person') AS people,
           count(*) FILTER (WHERE channel = 'person' AND is_helpful) AS people_helped,
           count(*) FILTER (WHERE channel = 'agent') AS agents,
           count(*) FILTER (WHERE channel = 'agent' AND is_helpful) AS agents_helped,
           count(DISTINCT page_version) AS versions, max(changed_at) AS last_at
    FROM page_votes WHERE changed_at >= %s GROUP BY slug ORDER BY slug LIMIT %s
"""
# Its item in the inbox, if it has one, by the key that ``feedback.votes`` gives it.
_LIST = """
    WITH items AS (
        SELECT DISTINCT ON (dedup_key) dedup_key, item_id, state, reason FROM inbox_items
        WHERE kind = 'docs_feedback' ORDER BY dedup_key, item_id DESC)
    SELECT v.slug, v.page_version, v.channel, v.is_helpful, v.reason, v.comment, v.standing, v.changed_at,
        coalesce(i.item_id, '') AS item_id, coalesce(i.state, '') AS item_state,
        coalesce(i.reason, '') AS item_word
    FROM page_votes AS v LEFT JOIN items AS i ON i.dedup_key = encode(sha256(v.voter
        || convert_to(v.slug, 'UTF8') || '\\x00'::bytea || convert_to(v.comment, 'UTF8')), 'hex')
    WHERE v.changed_at >= %s AND (v.comment <> '' OR v.reason <> '')
    ORDER BY v.changed_at DESC, v.slug LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class PageVotes:
    """The votes on a page, over its versions; each reader of a version once."""

    slug: str
    people: int
    people_helped: int
    agents: int
    agents_helped: int
    versions: int
    last_at: datetime

    @property
    def people_ppm(self) -> int | None:
        """The share of people whom it helped; None where nobody voted."""
        return _share_ppm(self.people_helped, self.people)

    @property
    def agents_ppm(self) -> int | None:
        """The share of agents whom it helped; None where none voted."""
        return _share_ppm(self.agents_helped, self.agents)


@dataclass(frozen=True, slots=True)
class Comment:
    """What a reader said of a version of a page, beside yes and no, and what became of it.

    ``standing``: how a member's organization stood then, in classes; None for everybody else. The item of
    the inbox is "" where there is none, as is the word on it.
    """

    slug: str
    page_version: str
    channel: str
    is_helpful: bool
    reason: str
    comment: str
    standing: Mapping[str, str] | None
    changed_at: datetime
    item_id: str
    item_state: str
    item_word: str

    @property
    def standing_text(self) -> str:
        """Each class by its name, "" for none."""
        return ", ".join(f"{name} {word.replace('_', ' $')}" for name, word in (self.standing or {}).items())


async def count_votes(connection: Connection, *, since: datetime) -> list[PageVotes]:
    """The pages that were voted on since then, in the order of their names."""
    async with connection.cursor(row_factory=class_row(PageVotes)) as cursor:
        await cursor.execute(_COUNT, (since, PAGES_MAX))
        return await cursor.fetchall()


async def list_comments(
    connection: Connection, *, since: datetime, limit: int = COMMENTS_MAX
) -> list[Comment]:
    """What was said since then, newest first, at most ``limit``."""
    async with connection.cursor(row_factory=class_row(Comment)) as cursor:
        await cursor.execute(_LIST, (since, limit))
        return await cursor.fetchall()


def render_page_votes(votes: PageVotes) -> dict[str, object]:
    """A page's votes as the twin has them; shares are in parts per million."""
    return {
        "page": votes.slug,
        "people": {"votes": votes.people, "helpful": votes.people_helped, "helpful_ppm": votes.people_ppm},
        "agents": {"votes": votes.agents, "helpful": votes.agents_helped, "helpful_ppm": votes.agents_ppm},
        "versions": votes.versions,
        "last_at": votes.last_at.isoformat(),
    }


def render_comment(comment: Comment) -> dict[str, object]:
    """A comment as the twin has it."""
    return {
        "page": comment.slug,
        "page_version": comment.page_version,
        "channel": comment.channel,
        "helpful": comment.is_helpful,
        "reason": comment.reason,
        "comment": comment.comment,
        "standing": None if comment.standing is None else dict(comment.standing),
        "inbox_item": comment.item_id or None,
        "inbox_state": comment.item_state or None,
        "inbox_word": comment.item_word or None,
        "at": comment.changed_at.isoformat(),
    }


def _share_ppm(part: int, whole: int) -> int | None:
    return part * 1_000_000 // whole if whole else None
