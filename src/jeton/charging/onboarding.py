"""Onboarding: a new organization with its default workspace, its books, its trial, and who comes in first."""

from dataclasses import dataclass

from jeton.charging.credits.requests import CreditRequest, check_key
from jeton.charging.credits.trials import TrialTerms, grant_trial
from jeton.db.pool import Connection
from jeton.identity.audit import SYSTEM, Actor, record_audit
from jeton.identity.invites.invites import Invite, create_invite
from jeton.identity.names import parse_email, parse_name
from jeton.identity.organizations import Organization, create_organization, get_organization

__all__ = ["Opened", "Opening", "TrialTerms", "open_for", "open_organization"]

_OPEN_BALANCES = "INSERT INTO balances (organization_id) VALUES (%s)"
# Of two at once with one key, the second waits for the first one's transaction and finds what it opened.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_FIND = "SELECT organization_id FROM organizations WHERE opening_key = %s"
_KEEP = "UPDATE organizations SET opening_key = %s WHERE organization_id = %s"


@dataclass(frozen=True, slots=True)
class Opening:
    """What an operator opens: a name, its first admin's e-mail ("" invites nobody), and a trial or none.

    ``key`` ("" for none): under it the same is opened once.
    """

    name: str
    admin_email: str
    trial: TrialTerms | None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of it. ``secret`` is of the invite's link; "" without one, and where ``is_new`` is false."""

    organization: Organization
    lot_id: str | None
    invite: Invite | None
    secret: str
    is_new: bool


async def open_organization(
    connection: Connection, *, name: str, trial: TrialTerms, email: str = "", by: Actor = SYSTEM
) -> Organization:
    """Create an organization, open its books and grant its trial, in the caller's transaction.

    ``email`` is of whoever signs up; the grant policy may withhold the trial from too many of one domain.
    """
    organization, _ = await _open(connection, name=name, trial=trial, email=email, by=by)
    return organization


async def open_for(connection: Connection, opening: Opening, *, by: Actor) -> Opened:
    """Open an organization in the operator's name and invite its first admin, in the caller's transaction.

    Raises InvalidNameError, InvalidEmailError, CreditRequestError for a key that cannot be one, and
    IdempotencyError where its key opened another. The invite of an earlier time is not made again.
    """
    name = parse_name(opening.name)
    email = parse_email(opening.admin_email) if opening.admin_email.strip() else ""
    asked = {"name": name, "admin_email": email, "trial": opening.trial is not None}
    if opening.key:
        before = await _find(connection, opening.key, asked)
        if before is not None:
            return before
    trial = opening.trial or TrialTerms(0, 1)
    # Without an e-mail: how many trials a mail domain may have is for those who sign up by themselves.
    organization, lot_id = await _open(connection, name=name, trial=trial, email="", by=by)
    organization_id, invite, secret = organization.organization_id, None, ""
    if email:
        invite, secret = await create_invite(connection, organization_id, email=email, role="admin", by=by)
    if opening.key:
        await connection.execute(_KEEP, (opening.key, organization_id))
        await CreditRequest(organization_id, opening.key, asked).record_outcome(connection, lot_id or "")
    return Opened(organization, lot_id, invite, secret, is_new=True)


async def _find(connection: Connection, key: str, asked: dict[str, object]) -> Opened | None:
    """What the key opened; None if nothing yet."""
    check_key(key)
    await connection.execute(_LOCK, (f"opening {key}",))
    row = await (await connection.execute(_FIND, (key,))).fetchone()
    if row is None:
        return None
    outcome = await CreditRequest(row[0], key, asked).find_outcome(connection)
    organization = await get_organization(connection, row[0])
    return Opened(organization, outcome or None, None, "", is_new=False)


async def _open(
    connection: Connection, *, name: str, trial: TrialTerms, email: str, by: Actor
) -> tuple[Organization, str | None]:
    organization = await create_organization(connection, name)
    organization_id = organization.organization_id
    await connection.execute(_OPEN_BALANCES, (organization_id,))
    await record_audit(
        connection,
        by,
        "organization.opened",
        subject=str(organization_id),
        organization_id=organization_id,
        details={"name": organization.name},
    )
    return organization, await grant_trial(connection, organization_id, trial, email=email)
