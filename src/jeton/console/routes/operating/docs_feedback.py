"""Docs feedback: how helpful each page of the documentation was, and what nobody could answer."""

from datetime import timedelta

from jeton import clock
from jeton.console.errors import InvalidFilterError
from jeton.console.files.downloading import Sheet
from jeton.console.visit import View, Visit
from jeton.feedback.questions import INBOX_KIND
from jeton.insight.reading.votes import count_votes, list_comments, render_comment, render_page_votes
from jeton.notifications.inbox.items import ItemFilter, list_items, render_item

DAYS = ("7", "30", "90", "365")
DAYS_DEFAULT = "90"
QUESTIONS_MAX = 50
MISSES_MAX = 50
# As the site's search keeps them.
MISS_KIND = "search_miss"
COMMENTS_EXPORTED_MAX = 10_000
VOTE_COLUMNS = ("page", "people", "people_helped", "agents", "agents_helped", "versions", "last_at")
COMMENT_COLUMNS = (
    *("page", "page_version", "channel", "is_helpful", "reason", "comment", "at"),
    *("standing", "inbox_item", "inbox_state", "inbox_word"),
)
REASON_NAMES = {"outdated": "outdated", "unclear": "unclear", "wrong_number": "a number is wrong"}


async def show_docs_feedback(visit: Visit) -> View:
    """Votes, comments and open questions of the last ``days`` days, for the operator."""
    visit.require_operator()
    at, days = clock.now(), _read_days(visit)
    since = at - timedelta(days=int(days))
    async with visit.deps.pool.connection() as connection:
        pages = await count_votes(connection, since=since)
        comments = await list_comments(connection, since=since)
        questions = await list_items(connection, ItemFilter(("open",), INBOX_KIND), limit=QUESTIONS_MAX)
        misses = await list_items(connection, ItemFilter(("open",), MISS_KIND), limit=MISSES_MAX)
    context = {
        "as_of": at,
        "days": days,
        "choices": DAYS,
        "pages": pages,
        "comments": comments,
        "questions": questions,
        "misses": misses,
        "reason_names": REASON_NAMES,
        "inbox_kind": INBOX_KIND,
        "miss_kind": MISS_KIND,
    }
    data = {
        "type": "docs_feedback",
        "as_of": at.isoformat(),
        "days": int(days),
        "pages": [render_page_votes(votes) for votes in pages],
        "comments": [render_comment(comment) for comment in comments],
        "unanswered_questions": [render_item(item) for item in questions],
        "search_misses": [render_item(item) for item in misses],
    }
    return View("operating/docs_feedback.html", context, data)


async def export_votes(visit: Visit) -> Sheet:
    """The votes by page of the last ``days`` days, people and agents apart."""
    visit.require_operator()
    since = clock.now() - timedelta(days=int(_read_days(visit)))
    async with visit.deps.pool.connection() as connection:
        pages = await count_votes(connection, since=since)
    rows = [
        (
            votes.slug,
            votes.people,
            votes.people_helped,
            votes.agents,
            votes.agents_helped,
            votes.versions,
            votes.last_at.isoformat(),
        )
        for votes in pages
    ]
    return Sheet("docs-votes.csv", VOTE_COLUMNS, rows)


async def export_comments(visit: Visit) -> Sheet:
    """What was said of pages in the last ``days`` days, newest first."""
    visit.require_operator()
    since = clock.now() - timedelta(days=int(_read_days(visit)))
    async with visit.deps.pool.connection() as connection:
        comments = await list_comments(connection, since=since, limit=COMMENTS_EXPORTED_MAX)
    rows = [
        (
            comment.slug,
            comment.page_version,
            comment.channel,
            "yes" if comment.is_helpful else "no",
            comment.reason,
            comment.comment,
            comment.changed_at.isoformat(),
            comment.standing_text,
            comment.item_id,
            comment.item_state,
            comment.item_word,
        )
        for comment in comments
    ]
    return Sheet("docs-comments.csv", COMMENT_COLUMNS, rows)


def _read_days(visit: Visit) -> str:
    days = visit.find_filter("days") or DAYS_DEFAULT
    if days not in DAYS:
        raise InvalidFilterError("days", f"is {days!r}, not one of {', '.join(DAYS)}")
    return days
