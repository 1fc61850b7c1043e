"""Words of a bundle: the files in it, and what a line of ``receipts.jsonl`` says."""

import hashlib
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from jeton.usage import Bucket, Usage

SCHEMA = 1
MANIFEST = "manifest.json"
DOCUMENT = "document.json"
LOOK = "look.json"
PDF = "document.pdf"
XML = "factur-x.xml"
UBL = "ubl.xml"
LINES = "lines.csv"
RECEIPTS = "receipts.jsonl"
VERSIONS = "price_versions.json"
TERMS = "terms.json"
BILLED = "billed_before.json"
LEDGER = "ledger.json"
# In their order in the file; there is no XML where the standard cannot say the document, no UBL in bundles of
# before there was one, and nothing of the ledger where the document posted nothing.
FILES = (DOCUMENT, LOOK, PDF, XML, UBL, LINES, VERSIONS, TERMS, BILLED, LEDGER, RECEIPTS)
OPTIONAL = frozenset({XML, UBL, LEDGER})


class ReversedRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of a charge was undone, in nano: in all, of free credit, and of what no lot had paid."""

    reversed_at: datetime
    amount_nano: int
    free_credit_nano: int
    on_credit_nano: int


class ReceiptRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request that was charged: its usage, what it was rated by and what it came to, in nano.

    ``lines`` are (bucket, quantity, list amount, net amount).
    """

    request_id: str
    occurred_at: datetime
    ended_at: datetime
    workspace_id: str
    model: str
    price_version_id: str
    terms_id: str
    service_tier: Literal["standard", "batch"]
    inference_geo: Literal["global", "us"]
    speed: Literal["standard", "fast"]
    input_tokens: int
    cache_creation_5m_input_tokens: int
    cache_creation_1h_input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int
    web_search_requests: int
    list_nano: int
    net_nano: int
    free_credit_nano: int
    on_credit_nano: int
    lines: tuple[tuple[Bucket, int, int, int], ...]
    reversed: ReversedRecord | None = None

    @property
    def usage(self) -> Usage:
        """Its token counts; UsageError for absurd ones."""
        return Usage(
            self.input_tokens,
            self.cache_creation_5m_input_tokens,
            self.cache_creation_1h_input_tokens,
            self.cache_read_input_tokens,
            self.output_tokens,
            self.web_search_requests,
        )


class BilledRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an earlier document billed of a key of a period; below zero for a credit note."""

    number: str
    period_from: datetime
    key: str
    quantity: int
    net_nano: int


class LedgerRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The transaction of the document: all that its digest covers, and the digest before it, in hex."""

    sequence: int
    organization_id: UUID
    transaction_id: str
    movement: str
    request_id: str | None
    accounts: tuple[str, ...]
    lots: tuple[str, ...]
    amounts: tuple[int, ...]
    posted_at: datetime
    reason: str
    before: str
    digest: str

    @property
    def end(self) -> str:
        """The end of the chain once this was posted, as the ledger's proof writes ends."""
        return f"{self.sequence}:{self.digest}"


class TermsRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was agreed on, as ``jeton.pricing.terms`` reads it."""

    terms_id: str
    effective_from: datetime
    effective_to: datetime | None
    content: dict[str, Any]


class VersionRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price version as it was stored, with its digest."""

    price_version_id: str
    digest: str
    content: dict[str, Any]


class FileRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the bundle, by its SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in a bundle.

    ``drawn_by``: who draws the same PDF again, to the byte. ``booked_until``: what was booked up to then
    is in the document: its issue, or of a cancellation the issue of what it cancels.
    """

    schema: int
    document_id: str
    number: str
    made_by: str
    drawn_by: str
    receipts: int
    booked_until: datetime
    files: dict[str, FileRecord]
    digest: str = ""

    def seal(self) -> "Manifest":
        """The same with ``digest``, which is of everything else in it."""
        bare = msgspec.structs.replace(self, digest="")
        return msgspec.structs.replace(self, digest=hashlib.sha256(msgspec.json.encode(bare)).hexdigest())
