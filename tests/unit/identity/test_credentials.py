"""Secrets: their shape, their digest and what is shown of them."""

from jeton.identity.credentials import digest_of, hint_of, new_key_secret, new_session_secret


def test_a_key_says_its_kind_and_carries_256_random_bits() -> None:
    api, admin = new_key_secret("api"), new_key_secret("admin")
    assert api.startswith("sk-jtn-api-")
    assert admin.startswith("sk-jtn-admin-")
    assert len(api.removeprefix("sk-jtn-api-")) == 43  # ceil(256 / 6) characters of base64url
    assert new_key_secret("api") != api


def test_the_digest_is_plain_sha_256() -> None:
    # The published test vector of FIPS 180-2 for the message "abc".
    assert digest_of("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_hint_is_the_prefix_and_the_last_four() -> None:
    assert hint_of("sk-jtn-api-abcdefgh", "api") == "sk-jtn-api-…efgh"


def test_session_secrets_differ() -> None:
    assert new_session_secret() != new_session_secret()
