"""Verifying a bundle: everything in it is recomputed from the receipts and the prices in it, offline."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from jeton.billing.invoicing.lines.prices import Prices
from jeton.billing.paper.bundle.chaining import check_chain
from jeton.billing.paper.bundle.checking import check_arithmetic, check_lines, check_order, list_periods
from jeton.billing.paper.bundle.findings import Findings
from jeton.billing.paper.bundle.papers import check_papers
from jeton.billing.paper.bundle.rating import Rater
from jeton.billing.paper.bundle.reading import Bundle, NotBundleError
from jeton.billing.paper.bundle.words import (
    BILLED,
    DOCUMENT,
    LEDGER,
    TERMS,
    VERSIONS,
    BilledRecord,
    LedgerRecord,
    ReceiptRecord,
    TermsRecord,
    VersionRecord,
)
from jeton.billing.paper.stored import parse_document
from jeton.billing.words import Document
from jeton.errors import InvalidInputError
from jeton.pricing.book import PriceVersion
from jeton.pricing.errors import PriceContentError
from jeton.pricing.terms import Terms

PRICES = "price versions"
RECEIPTS_CHECK = "number of receipts"
# What follows from usage; a purchase, a refund and goodwill do not.
_OF_USAGE = frozenset({"period", "adjustment", "cancellation"})


def verify_bundle(path: Path) -> tuple[Document, Findings]:
    """The document of a bundle and what was found; NotBundleError and NotStoredError for what cannot be read.

    Reads the file twice (digests, then contents), and holds no receipt but the one at hand.
    """
    findings = Findings()
    with Bundle(path) as bundle:
        bundle.check_files(findings)
        document = parse_document(bundle.read(DOCUMENT))
        findings.compare(
            "files", "id of the document", stated=bundle.manifest.document_id, found=document.document_id
        )
        findings.compare(
            "files", "number of the document", stated=bundle.manifest.number, found=document.number
        )
        versions = _read_versions(bundle, findings)
        terms = _read_terms(bundle)
        _check_usage(bundle, document, versions, terms, findings=findings)
        check_order(document, findings)
        check_arithmetic(document, findings)
        check_papers(bundle, document, findings)
        check_chain(bundle.parse(LEDGER, LedgerRecord) if bundle.has(LEDGER) else None, document, findings)
    return document, findings


def _check_usage(
    bundle: Bundle,
    document: Document,
    versions: list[PriceVersion],
    terms: list[Terms],
    *,
    findings: Findings,
) -> None:
    is_of_usage = document.purpose in _OF_USAGE
    periods = list_periods(document) if is_of_usage else []
    counted = _Counted(bundle.receipts())
    rater = Rater(versions, terms)
    sums = rater.sum_receipts(counted, periods, until=bundle.manifest.booked_until, findings=findings)
    findings.compare("files", RECEIPTS_CHECK, stated=bundle.manifest.receipts, found=counted.count)
    if is_of_usage:
        prices = Prices(versions, {document.organization_id: terms})
        billed = bundle.parse(BILLED, list[BilledRecord])
        check_lines(document, sums, billed, prices=prices, findings=findings)


class _Counted:
    """Receipts that are counted as they pass."""

    def __init__(self, receipts: Iterable[ReceiptRecord]) -> None:
        self._receipts = receipts
        self.count = 0

    def __iter__(self) -> Iterator[ReceiptRecord]:
        for receipt in self._receipts:
            self.count += 1
            yield receipt


def _read_versions(bundle: Bundle, findings: Findings) -> list[PriceVersion]:
    """The price versions, each with the digest under which it was stored."""
    findings.begin(PRICES)
    found = []
    for record in bundle.parse(VERSIONS, list[VersionRecord]):
        try:
            version = PriceVersion.from_content(record.content)
        except PriceContentError as error:
            raise NotBundleError(f"Price version {record.price_version_id}", error) from error
        where = f"price version {record.price_version_id}"
        findings.compare(PRICES, where, stated=record.price_version_id, found=version.price_version_id)
        findings.compare(PRICES, f"digest of {where}", stated=record.digest, found=version.digest)
        found.append(version)
    return found


def _read_terms(bundle: Bundle) -> list[Terms]:
    try:
        return [
            Terms.from_row((record.terms_id, record.content, record.effective_from, record.effective_to))
            for record in bundle.parse(TERMS, list[TermsRecord])
        ]
    except (PriceContentError, InvalidInputError) as error:
        raise NotBundleError(TERMS, error) from error
