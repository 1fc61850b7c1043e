"""Demo: an organization with keys, a member and trial credit, so that the first minute is real.

Made once, in a database without any organization. Its secrets exist in ``demo.env`` of the data
directory and nowhere else.
"""

import secrets
import shlex
from pathlib import Path

from jeton.charging.onboarding import TrialTerms, open_organization
from jeton.db.data_directory import write_private
from jeton.db.pool import Connection, Pool
from jeton.errors import ConfigurationError
from jeton.identity.keys import create_key
from jeton.identity.members import create_member
from jeton.identity.passwords import Passwords
from jeton.pricing.book import PriceBook
from jeton.settings import Settings

ENV_FILE = "demo.env"
BASE_URL = "ANTHROPIC_BASE_URL"
ORGANIZATION = "Demo"
EMAIL = "demo@example.com"
PASSWORD_BYTES = 12

# Two nodes that start on one empty database take turns ("demo" in ASCII).
_LOCK_KEY = 0x64656D6F


async def prepare_demo(settings: Settings, pool: Pool, *, passwords: Passwords, base_url: str) -> Path | None:
    """Make the demo where it is due, and keep its address current; the path of its file, if any."""
    path = settings.data_dir / ENV_FILE
    if settings.is_demo:
        await _create(settings, pool, passwords, path)
    if not path.exists():
        return None
    values = {**read_env(path), BASE_URL: base_url}
    write_private(path, render_env(values))
    return path


def find_demo_operator(settings: Settings) -> tuple[str, ...]:
    """The demo's member, whose password lies in the operator's own folder; nobody without a demo."""
    path = settings.data_dir / ENV_FILE
    email = read_env(path).get("JETON_CONSOLE_EMAIL") if settings.is_demo and path.exists() else None
    return (email,) if email else ()


def make_trial_terms(settings: Settings) -> TrialTerms:
    """The grant policy of these settings."""
    return TrialTerms(
        settings.trial_amount_nano,
        settings.trial_days,
        models=frozenset(settings.trial_models) or None,
        clock=settings.trial_clock,
        per_domain_max=settings.trial_per_domain_max,
        per_domain_days=settings.trial_per_domain_days,
        public_domains=frozenset(settings.trial_public_domains),
    )


def check_trial_models(settings: Settings, book: PriceBook) -> None:
    """Raise ConfigurationError where trial credit is for a model that nobody has a price for."""
    unknown = sorted(set(settings.trial_models) - set(book.models()))
    if unknown:
        raise ConfigurationError(
            [f"trial_models names {', '.join(unknown)}, of which the price book knows nothing."]
        )


async def _create(settings: Settings, pool: Pool, passwords: Passwords, path: Path) -> None:
    async with pool.connection() as connection:
        if await _has_organization(connection):
            return
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    password_hash = await passwords.hash(password)
    async with pool.connection() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_KEY])
        if await _has_organization(connection):
            return
        trial = make_trial_terms(settings)
        organization = await open_organization(connection, name=ORGANIZATION, trial=trial)
        organization_id = organization.organization_id
        _, api_key = await create_key(connection, organization_id, name="Demo")
        _, admin_key = await create_key(connection, organization_id, name="Demo admin", kind="admin")
        await create_member(
            connection, organization_id, email=EMAIL, password_hash=password_hash, role="admin"
        )
        # Before the commit: a crash in between leaves a file of no use, which the next start
        # replaces, and never an organization whose keys nobody knows.
        values = {
            BASE_URL: "",
            "ANTHROPIC_API_KEY": api_key,
            "JETON_ADMIN_KEY": admin_key,
            "JETON_CONSOLE_EMAIL": EMAIL,
            "JETON_CONSOLE_PASSWORD": password,
        }
        write_private(path, render_env(values))


async def _has_organization(connection: Connection) -> bool:
    cursor = await connection.execute("SELECT EXISTS (SELECT FROM organizations)")
    row = await cursor.fetchone()
    return bool(row and row[0])


def read_env(path: Path) -> dict[str, str]:
    """The values of a file of ``NAME=value`` lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name: " ".join(shlex.split(value)) for name, _, value in pairs}


def render_env(values: dict[str, str]) -> str:
    """Lines that a shell may source, one ``NAME=value`` each."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
