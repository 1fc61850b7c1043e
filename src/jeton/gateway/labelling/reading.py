"""Reading: from the header ``jeton-tag`` and the body's ``metadata.user_id`` to a request's labels.

They are checked before anything is held. What could not be stored, or would stand in a table as something
else than it is, is refused with the field and both lengths.
"""

import hmac
import re
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import msgspec

from jeton.gateway.errors import InvalidRequestError
from jeton.gateway.parsing import Head
from jeton.metering.labels import END_USER_CHARS_MAX, NO_LABELS, TAG_CHARS_MAX, Labels
from jeton.upstreams.interface import MessagesRequest

TAG_HEADER = "jeton-tag"
# Half of a SHA-256 tells as many end users apart as there will ever be.
HASH_PREFIX = "hash_"
HASH_CHARS = 32
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+=-]*")


class _Metadata(msgspec.Struct):
    user_id: str | None = None


_METADATA = msgspec.json.Decoder(_Metadata | None)


@dataclass(frozen=True, slots=True)
class Labelling:
    """What is stored of end users: their names, a hash of each under ``key``, or nothing."""

    end_users: Literal["kept", "hashed", "off"] = "kept"
    key: str = ""

    def name(self, end_user: str, organization_id: UUID) -> str:
        """What is stored of an end user; the hashes of two organizations have nothing in common."""
        if not end_user or self.end_users == "kept":
            return end_user
        if self.end_users == "off":
            return ""
        message = f"{organization_id}\n{end_user}".encode()
        return HASH_PREFIX + hmac.new(self.key.encode(), message, "sha256").hexdigest()[:HASH_CHARS]


KEPT = Labelling()


def read_labels(
    head: Head, request: MessagesRequest, organization_id: UUID, *, labelling: Labelling
) -> Labels:
    """The labels of a request, "" where it names none; InvalidRequestError for what cannot be kept."""
    if not request.metadata and not head.tag:
        return NO_LABELS
    return Labels(labelling.name(read_end_user(request), organization_id), read_tag(head.tag))


def read_tag(text: str) -> str:
    """The tag that a header names; InvalidRequestError that says what one may be."""
    if not text:
        return ""
    if len(text) > TAG_CHARS_MAX:
        raise InvalidRequestError(
            f"{TAG_HEADER}: at most {TAG_CHARS_MAX} characters are allowed, got {len(text)};"
            " send a shorter tag"
        )
    if not _TAG.fullmatch(text):
        raise InvalidRequestError(
            f"{TAG_HEADER}: only letters, digits and . _ : / @ + = - are allowed, of ASCII, and the first of"
            " them a letter or a digit; send another tag, or leave the header out"
        )
    return text


def read_end_user(request: MessagesRequest) -> str:
    """The end user that a request names; InvalidRequestError that says what one may be."""
    if not request.metadata:
        return ""
    try:
        named = _METADATA.decode(request.metadata)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        raise InvalidRequestError(f"metadata{path.rstrip('`')}: {problem}") from None
    end_user = "" if named is None or named.user_id is None else named.user_id
    if len(end_user) > END_USER_CHARS_MAX:
        raise InvalidRequestError(
            f"metadata.user_id: at most {END_USER_CHARS_MAX} characters are allowed, got {len(end_user)};"
            " send a shorter id, a hash of it for example"
        )
    if end_user and (not end_user.isprintable() or end_user != end_user.strip()):
        raise InvalidRequestError(
            "metadata.user_id: only printable characters are allowed, and no space at either end;"
            " send an id without line breaks and the like"
        )
    return end_user
