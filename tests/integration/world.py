"""A small world to look at: an organization with keys and a member, and requests that were billed.

Everything in it was made by the real parts: a hold and its settlement through charging, on a real
PostgreSQL.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from functools import cache

from argon2 import PasswordHasher

from jeton.charging.charging import Charging
from jeton.charging.credits import Grant, grant
from jeton.charging.members import Member, Outcome
from jeton.charging.onboarding import TrialTerms, open_organization
from jeton.charging.posting import Posting
from jeton.charging.price_versions import record_price_versions
from jeton.charging.words import Charge, Hold, HoldAsk, Metered, Rule, UsageSource
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import Pool
from jeton.identity import members
from jeton.identity.keys import Key, create_key
from jeton.identity.organizations import Organization
from jeton.ids import new_id
from jeton.ledger.chart import LotKind
from jeton.metering.labels import NO_LABELS, Labels
from jeton.pricing.book import Band, ModelCard, Override, PriceBook, PriceVersion
from jeton.pricing.rating import STANDARD, Conditions
from jeton.usage import Bucket, Usage

USD = 1_000_000_000
TRIAL = TrialTerms(5 * USD, 90)
PASSWORD = "a long enough password"
EMAIL = "ada@example.com"


def sonnet(from_on: date, until_on: date | None, *, cache_read: int, model: str) -> PriceVersion:
    """Prices shaped like claude-sonnet-5-5's: 2 / 2.50 / 4 / cache_read / 10 dollars a million."""
    return PriceVersion(
        card=ModelCard(
            model=model,
            display_name=model.replace("-", " ").title(),
            family="claude-4.7",
            created_on=date(2026, 9, 28),
            max_input_tokens=1_000_000,
            max_output_tokens=128_000,
            line="sonnet",
        ),
        from_on=from_on,
        until_on=until_on,
        bands=(
            Band(
                band_id="all",
                up_to_prompt_tokens=None,
                rates={
                    Bucket.INPUT: 2 * USD,
                    Bucket.CACHE_WRITE_5M: 2_500_000_000,
                    Bucket.CACHE_WRITE_1H: 4 * USD,
                    Bucket.CACHE_READ: cache_read,
                    Bucket.OUTPUT: 10 * USD,
                },
                batch=Override(factor=Fraction(1, 2)),
                us=Override(factor=Fraction(11, 10)),
            ),
        ),
        web_search_per_1000=10 * USD,
    )


SONNET = sonnet(date(2026, 10, 7), None, cache_read=100_000_000, model="claude-sonnet-5-5")
OLD_SONNET = sonnet(date(2026, 9, 28), date(2026, 10, 7), cache_read=200_000_000, model="claude-sonnet-5-5")
OTHER = sonnet(date(2026, 1, 1), None, cache_read=100_000_000, model="claude-other-1")
BOOK = PriceBook((OLD_SONNET, SONNET, OTHER))

# claude-api.md's first vector: 0.004 + 0.010 + 0.015 = $0.029, where the list amount is $0.219.
V1 = Usage(input_tokens=2_000, cache_read_input_tokens=100_000, output_tokens=1_500)


@dataclass(slots=True)
class World:
    """One organization on a pool, and the charging that bills its requests."""

    pool: Pool
    organization: Organization
    key: Key
    secret: str
    admin_secret: str
    commits: GroupCommit[Member, Outcome]
    charging: Charging
    requests: list[str] = field(default_factory=list)

    async def hold(
        self, amount_nano: int = USD, *, version: PriceVersion = SONNET, labels: Labels = NO_LABELS
    ) -> Hold:
        """Take a hold for a new request of the organization's API key."""
        assert self.key.workspace_id is not None
        ask = HoldAsk(
            request_id=new_id("req"),
            organization_id=self.organization.organization_id,
            workspace_id=self.key.workspace_id,
            key_id=self.key.key_id,
            model=version.model,
            upstream="embedded",
            price_version=version,
            amount_nano=amount_nano,
            labels=labels,
        )
        self.requests.append(ask.request_id)
        return await self.charging.hold(ask)

    async def bill(
        self,
        usage: Usage | None = V1,
        *,
        conditions: Conditions = STANDARD,
        rule: Rule = Rule.COMPLETED,
        version: PriceVersion = SONNET,
        source: UsageSource = "upstream",
        labels: Labels = NO_LABELS,
    ) -> Charge:
        """Bill one request, from its hold to its charge."""
        hold = await self.hold(version=version, labels=labels)
        return await self.charging.settle(
            hold, Metered(rule=rule, usage=usage, source=source, conditions=conditions, reported="{}")
        )

    async def grant(
        self,
        amount_nano: int,
        *,
        kind: LotKind = LotKind.PROMOTIONAL,
        models: frozenset[str] | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        """Give the organization a further lot."""
        given = Grant(kind, amount_nano, "a test", expires_at, models)
        async with self.pool.connection() as connection:
            return await grant(connection, self.organization.organization_id, given)

    async def close(self) -> None:
        """End the writer; the pool belongs to the test."""
        await self.commits.close()


async def open_world(pool: Pool, *, name: str = "Example GmbH") -> World:
    """An organization with $5 of trial credit, an API key and an admin key."""
    async with pool.connection() as connection:
        await record_price_versions(connection, BOOK.versions)
        organization = await open_organization(connection, name=name, trial=TRIAL)
        key, secret = await create_key(connection, organization.organization_id, name="first key")
        _, admin_secret = await create_key(
            connection, organization.organization_id, name="admin", kind="admin"
        )
    posting = Posting()
    commits: GroupCommit[Member, Outcome] = GroupCommit(pool, posting.post, on_commit=posting.keep)
    charging = Charging(commits, node_id="node_test", validity_s=600)
    return World(pool, organization, key, secret, admin_secret, commits, charging)


async def add_member(world: World, email: str = EMAIL, role: members.Role = "admin") -> members.Member:
    """A member who can sign in with PASSWORD."""
    async with world.pool.connection() as connection:
        return await members.create_member(
            connection,
            world.organization.organization_id,
            email=email,
            password_hash=hash_password(),
            role=role,
        )


@cache
def hash_password() -> str:
    """A true hash of PASSWORD, but a cheap one: each member has one, and a real one takes 0.1 s of CPU.

    ``tests/unit/identity/test_passwords.py`` and the members of real servers have those of the product.
    """
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
