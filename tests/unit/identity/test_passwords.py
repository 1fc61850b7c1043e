"""Passwords: Argon2id, the bounds of a password, and no difference for a member who does not exist."""

import pytest

from jeton.identity.errors import WeakPasswordError
from jeton.identity.passwords import Passwords


async def test_a_hash_is_argon2id_and_fits_only_its_password() -> None:
    passwords = Passwords()
    password_hash = await passwords.hash("correct horse battery")
    assert password_hash.startswith("$argon2id$v=19$")
    assert await passwords.verify(password_hash, "correct horse battery")
    assert not await passwords.verify(password_hash, "correct horse batterY")
    assert not await passwords.verify(None, "correct horse battery")
    assert not await passwords.verify("not a hash", "correct horse battery")
    assert not await passwords.verify(password_hash, "x" * 1_000_000)


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "x" * 257])
async def test_a_password_has_12_to_256_characters(password: str) -> None:
    with pytest.raises(WeakPasswordError):
        await Passwords().hash(password)
