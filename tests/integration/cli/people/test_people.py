"""``jeton members`` and ``jeton invites`` as they are typed."""

import asyncio
from uuid import UUID

import pytest
from tests.integration.cli.test_keys_and_usage import prepare, typed

from jeton.cli import run
from jeton.db.pool import open_pool
from jeton.identity.invites.invites import accept_invite
from jeton.identity.members import create_member
from jeton.identity.organizations import list_organizations


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETON_DATABASE_URL", database_url)


def join(database_url: str, email: str) -> UUID:
    """An admin of the only organization."""

    async def make() -> UUID:
        pool = await open_pool(database_url)
        async with pool.connection() as connection:
            (organization,) = await list_organizations(connection, limit=2)
            await create_member(connection, organization.organization_id, email=email, role="admin")
        await pool.close()
        return organization.organization_id

    return asyncio.run(make())


def accept(database_url: str, secret: str) -> None:
    async def come() -> None:
        pool = await open_pool(database_url)
        async with pool.connection() as connection:
            await accept_invite(connection, secret, password_hash=None)
        await pool.close()

    asyncio.run(come())


def test_who_is_invited_joins_by_the_link_and_gets_another_role_and_goes(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(database_url, ["Only"])
    join(database_url, "ada@example.com")
    made = typed("invites", "create", "Grace@example.com", "developer", "--by", "ada", capsys=capsys)
    assert (made["email"], made["role"], made["status"]) == ("grace@example.com", "developer", "pending")
    assert [one["id"] for one in typed("invites", "list", capsys=capsys)] == [made["id"]]
    accept(database_url, made["link"].partition("token=")[2])
    assert typed("invites", "list", capsys=capsys) == []
    assert [one["status"] for one in typed("invites", "list", "--all", capsys=capsys)] == ["accepted"]
    assert typed("members", "role", "Grace@example.com", "auditor", capsys=capsys)["role"] == "auditor"
    assert [one["email"] for one in typed("members", "list", capsys=capsys)] == [
        "ada@example.com",
        "grace@example.com",
    ]
    assert typed("members", "remove", "grace@example.com", capsys=capsys)["email"] == "grace@example.com"
    assert len(typed("members", "list", capsys=capsys)) == 1


def test_an_invite_is_taken_back(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(database_url, ["Only"])
    made = typed("invites", "create", "grace@example.com", "billing", capsys=capsys)
    assert typed("invites", "delete", made["id"], capsys=capsys)["status"] == "deleted"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("members", "remove", "nobody@example.com"), "jeton members list"),
        (("members", "role", "ada@example.com", "developer"), "admin"),
        (("invites", "create", "ada@example.com", "developer"), "ada@example.com"),
    ],
    ids=["nobody", "the last admin", "a member already"],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    database_url: str, words: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(database_url, ["Only"])
    join(database_url, "ada@example.com")
    assert run([*words]) in {1, 2}
    assert problem in capsys.readouterr().err
