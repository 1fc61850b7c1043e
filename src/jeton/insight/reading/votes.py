"""Votes: how helpful each page was, to people and to agents, and what they said of it."""

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
_LIST = """
    SELECT slug, page_version, channel, is_helpful, reason, comment, changed_at FROM page_votes
    WHERE changed_at >= %s AND (comment <> '' OR reason <> '') ORDER BY changed_at DESC, slug LIMIT %s
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
    """What a reader said of a version of a page, beside yes and no."""

    slug: str
    page_version: str
    channel: str
    is_helpful: bool
    reason: str
    comment: str
    changed_at: datetime


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
        "at": comment.changed_at.isoformat(),
    }


def _share_ppm(part: int, whole: int) -> int | None:
    return part * 1_000_000 // whole if whole else None
