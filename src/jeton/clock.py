"""Clock: where "now" comes from. Pure code takes an instant; only edges and use cases ask for one."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)
