"""People: the members of one organization, as the operator sees them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from jeton.db.pool import Connection

PEOPLE_LISTED_MAX = 100

_LIST = """
    SELECT member_id, email, role, created_at FROM members WHERE organization_id = %s
    ORDER BY member_id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Person:
    """A member."""

    member_id: str
    email: str
    role: str
    created_at: datetime


async def list_people(connection: Connection, organization_id: UUID) -> list[Person]:
    """The first members, oldest first, at most PEOPLE_LISTED_MAX."""
    async with connection.cursor(row_factory=class_row(Person)) as cursor:
        await cursor.execute(_LIST, (organization_id, PEOPLE_LISTED_MAX))
        return await cursor.fetchall()


def render_person(person: Person) -> dict[str, object]:
    """A member as the page's twin has it."""
    return {
        "id": person.member_id,
        "type": "member",
        "email": person.email,
        "role": person.role,
        "created_at": person.created_at.isoformat(),
    }
