"""Scopes: what a budget can be for, and whether the organization has it.

A model must be of the price book. End users and tags are words of the organization itself: they may come
later, so only their form is checked.
"""

from datetime import datetime
from typing import Literal, assert_never
from uuid import UUID

import msgspec

from jeton.db.pool import Connection
from jeton.identity.errors import UnknownKeyIdError
from jeton.identity.keys import get_key
from jeton.identity.members import get_member
from jeton.identity.organizations import get_organization, get_workspace
from jeton.ledger.budgets.errors import InvalidBudgetError, Scope
from jeton.ledger.budgets.tally import OwnedKey
from jeton.metering.labels import END_USER_CHARS_MAX, TAG_CHARS_MAX

_MODEL = """
    SELECT content -> 'card' ->> 'model' FROM price_versions
    WHERE content -> 'card' ->> 'model' = %(name)s
       OR content -> 'card' -> 'aliases' @> to_jsonb(%(name)s::text)
    ORDER BY content -> 'card' ->> 'model' <> %(name)s, recorded_at DESC LIMIT 1
"""
_LABELS = {"end_user": ("An end user", END_USER_CHARS_MAX), "tag": ("A tag", TAG_CHARS_MAX)}
_OWNED = "SELECT list_owned_keys(%s, %s, %s)"


async def find_scope_id(connection: Connection, organization_id: UUID, scope: Scope, scope_id: str) -> str:
    """The id of what is limited, which must be of the organization; InvalidBudgetError or NotFoundError."""
    match scope:
        case "organization":
            if scope_id not in {"", str(organization_id)}:
                raise InvalidBudgetError("A budget of the organization is of nothing else.")
            return str((await get_organization(connection, organization_id)).organization_id)
        case "workspace":
            return (await get_workspace(connection, organization_id, scope_id)).workspace_id
        case "key":
            if not scope_id.isprintable():
                raise UnknownKeyIdError(ascii(scope_id))
            key = await get_key(connection, organization_id, scope_id)
            if key.kind == "admin":
                raise InvalidBudgetError(f"{key.key_id} is an admin key, which calls no models.")
            return key.key_id
        case "member":
            return (await get_member(connection, organization_id, scope_id)).member_id
        case "model":
            return await _find_model(connection, scope_id)
        case "end_user" | "tag":
            return _check_label(scope, scope_id)
        case _:
            assert_never(scope)


async def list_owned_keys(
    connection: Connection, organization_id: UUID, member_id: str, since: datetime
) -> tuple[OwnedKey, ...]:
    """The keys that were a member's at some instant since."""
    row = await (await connection.execute(_OWNED, (organization_id, member_id, since))).fetchone()
    return msgspec.convert(row[0] if row else [], tuple[OwnedKey, ...])


async def _find_model(connection: Connection, name: str) -> str:
    row = None
    if name.isprintable():
        row = await (await connection.execute(_MODEL, {"name": name})).fetchone()
    if row is None:
        raise InvalidBudgetError(f"{name[:60]!a} is no model of the price book.")
    return str(row[0])


def _check_label(scope: Literal["end_user", "tag"], text: str) -> str:
    what, chars_max = _LABELS[scope]
    if not 0 < len(text) <= chars_max or not text.isprintable() or text != text.strip():
        raise InvalidBudgetError(
            f"{what} is named as requests name it: 1 to {chars_max} printable characters, with no space at"
            " either end."
        )
    return text
