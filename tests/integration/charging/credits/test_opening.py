"""Opening: a new organization has books, a trial as wanted, and an admin who may come in; once."""

import pytest

from jeton.charging.credits.errors import IdempotencyError
from jeton.charging.onboarding import Opened, Opening, TrialTerms, open_for
from jeton.db.pool import Pool
from jeton.identity.audit import Actor, list_audit
from jeton.identity.errors import InvalidEmailError, InvalidNameError
from jeton.identity.invites.invites import accept_invite, list_invites
from jeton.identity.organizations import get_default_workspace, list_organizations
from jeton.insight.balance import get_balance

BY = Actor("operator", "ada")
# One mail domain has one trial, which does not bind the operator.
TRIAL = TrialTerms(5_000_000_000, 30, per_domain_max=1)


async def opened(pool: Pool, opening: Opening) -> Opened:
    async with pool.connection() as connection:
        return await open_for(connection, opening, by=BY)


async def test_it_has_its_trial_and_its_first_admin_comes_in_by_the_link(pool: Pool) -> None:
    for name in ("First", "Second"):
        made = await opened(pool, Opening(f" {name} GmbH ", " Ada@Example.com", TRIAL))
        organization_id = made.organization.organization_id
        assert (made.organization.name, made.is_new) == (f"{name} GmbH", True)
        async with pool.connection() as connection:
            balance = await get_balance(connection, organization_id)
            (lot,) = balance.lots
            assert (lot.lot_id, lot.amounts.available_nano) == (made.lot_id, 5_000_000_000)
            assert (await get_default_workspace(connection, organization_id)).name == "Default"
            member = await accept_invite(connection, made.secret, password_hash=None)
            assert (member.organization_id, member.email, member.role) == (
                organization_id,
                "ada@example.com",
                "admin",
            )
            entries = [
                entry for entry in await list_audit(connection) if entry.action == "organization.opened"
            ]
            assert (entries[0].actor, entries[0].details) == ("ada", {"name": f"{name} GmbH"})


async def test_without_trial_and_e_mail_there_is_neither(pool: Pool) -> None:
    made = await opened(pool, Opening("Plain", "", None))
    assert (made.lot_id, made.invite, made.secret) == (None, None, "")
    async with pool.connection() as connection:
        assert (await get_balance(connection, made.organization.organization_id)).amounts.available_nano == 0


async def test_the_same_under_its_key_opens_one_and_something_else_is_refused(pool: Pool) -> None:
    opening = Opening("Once", "ada@example.com", TRIAL, "k1")
    first = await opened(pool, opening)
    again = await opened(pool, opening)
    assert (again.organization, again.lot_id) == (first.organization, first.lot_id)
    assert (again.is_new, again.invite, again.secret) == (False, None, "")
    with pytest.raises(IdempotencyError):
        await opened(pool, Opening("Twice", "ada@example.com", TRIAL, "k1"))
    async with pool.connection() as connection:
        assert [one.name for one in await list_organizations(connection, limit=9)] == ["Once"]
        assert len(await list_invites(connection, first.organization.organization_id)) == 1


@pytest.mark.parametrize(
    ("opening", "problem"),
    [
        (Opening(" ", "", TRIAL), InvalidNameError),
        (Opening("x" * 201, "", TRIAL), InvalidNameError),
        (Opening("Fine", "nobody", TRIAL), InvalidEmailError),
    ],
)
async def test_what_cannot_be_leaves_nothing(pool: Pool, opening: Opening, problem: type[Exception]) -> None:
    with pytest.raises(problem):
        await opened(pool, opening)
    async with pool.connection() as connection:
        assert await list_organizations(connection, limit=9) == []
