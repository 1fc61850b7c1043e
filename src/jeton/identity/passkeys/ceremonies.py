"""Ceremonies: adding a passkey and signing in with one, by Web Authentication (W3C, level 3).

Passkeys are discoverable, so nobody types an e-mail; the authenticator has to have verified its person, so
one is enough to sign in. How it attests to its make is not asked.
"""

import binascii
from datetime import datetime
from secrets import token_bytes
from typing import NamedTuple

import msgspec
import webauthn
from webauthn.helpers import base64url_to_bytes, options_to_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.identity.members import Member, find_member
from jeton.identity.names import parse_name
from jeton.identity.passkeys.challenges import CHALLENGE_LIFE, Person, create_challenge, use_challenge
from jeton.identity.passkeys.keeping import add_passkey, list_credentials
from jeton.identity.passkeys.terms import Party, Passkey, PasskeyCopiedError, PasskeyError
from jeton.identity.sessions import Session

HANDLE_BYTES = 32
ANSWER_CHARS_MAX = 16_384
_TIMEOUT_MS = int(CHALLENGE_LIFE.total_seconds()) * 1000
# What the library lets through of an answer that is no answer at all.
_MALFORMED = (WebAuthnException, ValueError, TypeError, LookupError, binascii.Error, RecursionError)

_FIND = """
    SELECT passkey_id, email, public_key, user_handle FROM passkeys WHERE credential_id = %s FOR UPDATE
"""
_USE = """
    UPDATE passkeys SET sign_count = %(count)s, last_used_at = %(at)s
    WHERE passkey_id = %(id)s AND (sign_count < %(count)s OR (sign_count = 0 AND %(count)s = 0))
"""


class _Signed(msgspec.Struct, rename="camel"):
    client_data_json: str = msgspec.field(name="clientDataJSON")
    user_handle: str | None = None


class _Answer(msgspec.Struct, rename="camel"):
    raw_id: str
    response: _Signed


class _ClientData(msgspec.Struct):
    challenge: str


class _Known(NamedTuple):
    passkey_id: str
    email: str
    public_key: bytes
    handle: bytes


async def begin_adding(connection: Connection, party: Party, session: Session, *, browser: str) -> str:
    """What the browser hands to ``navigator.credentials.create``, as JSON; TooManyPasskeysError."""
    credentials = await list_credentials(connection, session.email)
    handle = credentials[0].handle if credentials else token_bytes(HANDLE_BYTES)
    person = Person(session.email, handle)
    options = webauthn.generate_registration_options(
        rp_id=party.domain,
        rp_name=party.name,
        user_id=handle,
        user_name=session.email,
        user_display_name=session.email,
        challenge=await create_challenge(connection, "add", browser=browser, person=person),
        timeout=_TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(one.credential_id) for one in credentials],
    )
    return options_to_json(options)


async def finish_adding(
    connection: Connection, party: Party, session: Session, *, browser: str, name: str, answer: str
) -> Passkey:
    """Keep the passkey that an authenticator made.

    Raises PasskeyError, InvalidNameError and TooManyPasskeysError.
    """
    named, challenge = parse_name(name), _find_challenge(_parse(answer))
    person = await use_challenge(connection, challenge, "add", browser=browser)
    if person is None or person.email != session.email:
        raise PasskeyError
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.domain,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except _MALFORMED:
        raise PasskeyError from None
    return await add_passkey(connection, person, made, name=named, organization_id=session.organization_id)


async def begin_sign_in(connection: Connection, party: Party, *, browser: str) -> str:
    """What the browser hands to ``navigator.credentials.get``, as JSON; it names nobody."""
    options = webauthn.generate_authentication_options(
        rp_id=party.domain,
        challenge=await create_challenge(connection, "sign_in", browser=browser),
        timeout=_TIMEOUT_MS,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


async def finish_sign_in(connection: Connection, party: Party, *, browser: str, answer: str) -> Member:
    """The membership that an authenticator's answer opens; PasskeyError or PasskeyCopiedError.

    The challenge is used up whatever comes of it: the caller commits when these are raised, too.
    """
    parsed = _parse(answer)
    challenge = _find_challenge(parsed)
    await use_challenge(connection, challenge, "sign_in", browser=browser)
    known = await _find_known(connection, parsed)
    try:
        used = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.domain,
            expected_origin=party.origin,
            credential_public_key=known.public_key,
            # Compared below, once it is known who signed it: else a stranger could call any passkey copied.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except _MALFORMED:
        raise PasskeyError from None
    member = await find_member(connection, known.email)
    if member is None:
        raise PasskeyError
    await _note_use(connection, known, member, used.new_sign_count, clock.now())
    return member


async def _note_use(
    connection: Connection, known: _Known, member: Member, sign_count: int, at: datetime
) -> None:
    cursor = await connection.execute(_USE, {"id": known.passkey_id, "count": sign_count, "at": at})
    if cursor.rowcount == 1:
        return
    await record_audit(
        connection,
        Actor("member", member.email),
        "passkey.refused",
        subject=known.passkey_id,
        organization_id=member.organization_id,
        details={"email": member.email, "why": "its counter went back", "count": sign_count},
    )
    raise PasskeyCopiedError


async def _find_known(connection: Connection, answer: _Answer) -> _Known:
    """The passkey that an answer says it is from; a handle that it gives has to be its person's."""
    try:
        credential_id = base64url_to_bytes(answer.raw_id)
        handle = base64url_to_bytes(answer.response.user_handle) if answer.response.user_handle else None
    except (binascii.Error, ValueError):
        raise PasskeyError from None
    row = await (await connection.execute(_FIND, (credential_id,))).fetchone()
    if row is None:
        raise PasskeyError
    known = _Known(str(row[0]), str(row[1]), bytes(row[2]), bytes(row[3]))
    if handle is not None and handle != known.handle:
        raise PasskeyError
    return known


def _parse(answer: str) -> _Answer:
    if len(answer) > ANSWER_CHARS_MAX:
        raise PasskeyError
    try:
        return msgspec.json.decode(answer, type=_Answer)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise PasskeyError from None


def _find_challenge(answer: _Answer) -> bytes:
    try:
        data = msgspec.json.decode(base64url_to_bytes(answer.response.client_data_json), type=_ClientData)
        return base64url_to_bytes(data.challenge)
    except (msgspec.DecodeError, UnicodeError, binascii.Error, ValueError, RecursionError):
        raise PasskeyError from None
