"""Bundles: what is right is found right, and any digit that was changed is found, with both numbers."""

import hashlib
import json
import random
import tracemalloc
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from tests.unit.billing.paper.bundled import bill, evidence, november, receipt, write
from typer.testing import CliRunner

from jeton.billing.paper.bundle.reading import Bundle, NotBundleError
from jeton.billing.paper.bundle.verifying import verify_bundle
from jeton.billing.paper.bundle.words import BilledRecord, Manifest, ReceiptRecord
from jeton.billing.paper.bundle.writing import write_bundle
from jeton.billing.paper.cii.invoice import render_xml
from jeton.billing.paper.embedding import render_pdf
from jeton.billing.paper.lines_csv import render_lines_csv
from jeton.billing.paper.stored import NotStoredError, parse_document, render_document
from jeton.billing.paper.ubl.document import render_ubl
from jeton.billing.words import Document
from jeton.cli import assemble, run

DIGITS = b"0123456789"


def rewrite(path: Path, change: Callable[[str, bytes], bytes], *, is_resealed: bool = False) -> None:
    """Change files of a bundle; ``is_resealed``: and have the manifest say so, as a forger would."""
    with zipfile.ZipFile(path) as archive:
        files = {name: change(name, archive.read(name)) for name in archive.namelist()}
    if is_resealed:
        manifest = json.loads(files["manifest.json"])
        for name, record in manifest["files"].items():
            record["sha256"] = hashlib.sha256(files[name]).hexdigest()
            record["bytes"] = len(files[name])
        sealed = msgspec.convert(manifest, Manifest).seal()
        files["manifest.json"] = msgspec.json.encode(sealed)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def reseal_as(path: Path, document: Document) -> None:
    """Put another document, with all its papers, into a bundle: a forger who is thorough."""
    papers = {
        "document.json": render_document(document), "document.pdf": render_pdf(document),
        "factur-x.xml": render_xml(document), "ubl.xml": render_ubl(document),
        "lines.csv": render_lines_csv(document),
    }  # fmt: skip

    def change(name: str, content: bytes) -> bytes:
        return papers.get(name, content)

    rewrite(path, change, is_resealed=True)


@pytest.mark.parametrize(
    ("currency", "exchange", "kind"),
    [("USD", Fraction(1), "S"), ("EUR", Fraction("0.8612"), "AE"), ("JPY", Fraction(155), "S"),
     ("KWD", Fraction("0.307"), "S")],
)  # fmt: skip
async def test_a_bundle_is_recomputed_from_its_receipts(
    tmp_path: Path, currency: str, exchange: Fraction, kind: str
) -> None:
    made = bill(november(), currency=currency, exchange=exchange, kind=kind)
    document, findings = verify_bundle(await write(tmp_path / "a.zip", november(), made))
    assert findings.differences == []
    assert document == made
    assert findings.checks["receipts rated again"] > 60 * 4
    assert findings.checks["lines against receipts"] == len(made.lines)
    assert {line.kind for line in made.lines} == {"usage", "adjustment", "credit"}
    assert any("reversed" in line.key for line in made.lines)
    assert any("terms_acme" in line.key for line in made.lines)
    assert ("two decimals" in findings.notes.get("XML inside the PDF", "")) == (currency == "KWD")


async def test_the_same_gives_the_same_bytes(tmp_path: Path) -> None:
    first = await write(tmp_path / "a.zip", november())
    assert first.read_bytes() == (await write(tmp_path / "b.zip", november())).read_bytes()


async def test_what_was_billed_before_is_not_billed_again(tmp_path: Path) -> None:
    whole = bill(november())
    october = [line for line in whole.lines if line.corrects]
    billed = [
        BilledRecord("INV-2026-000101", line.period_from, line.key, line.quantity, line.net_nano)
        for line in october[1:]
        if line.period_from is not None
    ]
    made = bill(november(), billed=billed)
    assert len(made.lines) == len(whole.lines) - len(billed)
    path = await write(tmp_path / "a.zip", november(), made, billed)
    assert verify_bundle(path)[1].differences == []
    rewrite(path, lambda name, content: b"[]" if name == "billed_before.json" else content, is_resealed=True)
    assert any(
        "a line for" in one.where and one.stated == "none" for one in verify_bundle(path)[1].differences
    )


async def test_any_digit_that_is_changed_is_found(tmp_path: Path) -> None:
    path = await write(tmp_path / "a.zip", november(6))
    sound = path.read_bytes()
    chance = random.Random(7)  # noqa: S311 - which digits are tried
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    for name, content in contents.items():
        places = [place for place, byte in enumerate(content) if byte in DIGITS]
        for place in chance.sample(places, min(8, len(places))):
            path.write_bytes(sound)
            digit = DIGITS[(DIGITS.index(content[place]) + 1) % 10]
            changed = content[:place] + bytes([digit]) + content[place + 1 :]
            rewrite(path, lambda each, was, name=name, changed=changed: changed if each == name else was)  # type: ignore[misc] # bound now
            try:
                found = not verify_bundle(path)[1].is_sound
            except (NotBundleError, NotStoredError):
                found = True
            assert found, f"{name} at {place}: {content[place - 20 : place + 20]!r}"


RECEIPT_FIELDS = (
    "input_tokens", "output_tokens", "cache_read_input_tokens", "net_nano", "list_nano",
    "web_search_requests", "on_credit_nano", "free_credit_nano",
)  # fmt: skip


@pytest.mark.parametrize("field", RECEIPT_FIELDS)
async def test_a_receipt_that_was_changed_and_sealed_again_is_found(tmp_path: Path, field: str) -> None:
    path = await write(tmp_path / "a.zip", november(12))

    def change(name: str, content: bytes) -> bytes:
        if name != "receipts.jsonl":
            return content
        lines = [json.loads(line) for line in content.splitlines()]
        lines[5][field] += 1
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    rewrite(path, change, is_resealed=True)
    differences = verify_bundle(path)[1].differences
    assert differences
    if "credit" not in field:
        assert any(receipt(3).request_id in one.where for one in differences)


async def test_a_receipt_left_out_or_put_in_twice_is_found(tmp_path: Path) -> None:
    for lines_of in (lambda lines: lines[1:], lambda lines: [lines[0], *lines]):
        path = await write(tmp_path / "a.zip", november(5))

        def change(
            name: str, content: bytes, lines_of: Callable[[list[bytes]], list[bytes]] = lines_of
        ) -> bytes:
            is_it = name == "receipts.jsonl"
            return b"".join(lines_of(content.splitlines(keepends=True))) if is_it else content

        rewrite(path, change, is_resealed=True)
        found = {one.check for one in verify_bundle(path)[1].differences}
        assert {"lines against receipts", "files"} <= found


async def test_a_price_that_was_changed_and_sealed_again_is_found(tmp_path: Path) -> None:
    path = await write(tmp_path / "a.zip", november(5))
    rewrite(
        path,
        lambda name, content: (
            content.replace(b'"3.00"', b'"3.01"') if name == "price_versions.json" else content
        ),
        is_resealed=True,
    )
    found = {one.check for one in verify_bundle(path)[1].differences}
    assert {"price versions", "receipts rated again", "lines against receipts"} <= found


async def test_a_line_that_was_changed_with_all_its_papers_is_named_with_both_numbers(tmp_path: Path) -> None:
    made = bill(november())
    line = made.lines[0]
    dearer = replace(
        line,
        net_nano=line.net_nano + 10_000_000,
        net_minor=line.net_minor + 1,
        list_minor=line.list_minor + 1,
    )
    forged = replace(
        made,
        lines=(dearer, *made.lines[1:]),
        lines_minor=made.lines_minor + 1,
        total_minor=made.total_minor + 1,
    )
    path = await write(tmp_path / "a.zip", november(), made)
    reseal_as(path, forged)
    document, findings = verify_bundle(path)
    assert document == forged
    first = next(one for one in findings.differences if one.check == "lines against receipts")
    assert first.where.startswith("line 1 (")
    assert first.stated != first.found
    assert {"totals", "tax"} <= set(findings.failed())


@pytest.mark.parametrize(
    "forge",
    [
        lambda made: replace(made, tax_minor=made.tax_minor + 1, total_minor=made.total_minor + 1),
        lambda made: replace(made, taxes=(replace(made.taxes[0], tax_minor=made.taxes[0].tax_minor + 1),)),
        lambda made: replace(made, taxes=(replace(made.taxes[0], rate=Fraction(20, 100)),)),
        lambda made: replace(made, total_minor=made.total_minor + 1),
        lambda made: replace(made, net_nano=made.net_nano + 1),
        lambda made: replace(made, lines=made.lines[:-1]),
        lambda made: replace(
            made, lines=(replace(made.lines[0], quantity=made.lines[0].quantity + 1), *made.lines[1:])
        ),
        lambda made: replace(made, lines=(replace(made.lines[0], rounding_nano=7), *made.lines[1:])),
        lambda made: replace(made, lines=(replace(made.lines[0], list_rate=1), *made.lines[1:])),
    ],
    ids=["tax", "tax line", "rate", "total", "net", "line", "quantity", "rounding", "price"],
)
async def test_a_forged_document_is_found(tmp_path: Path, forge: Callable[[Document], Document]) -> None:
    made = bill(november(9))
    path = await write(tmp_path / "a.zip", november(9), made)
    reseal_as(path, forge(made))
    assert not verify_bundle(path)[1].is_sound


@pytest.mark.parametrize("name", ["document.pdf", "factur-x.xml", "ubl.xml", "lines.csv"])
async def test_a_paper_of_another_document_is_found(tmp_path: Path, name: str) -> None:
    made = bill(november(9))
    other = replace(made, number="INV-2026-000124")
    papers = {
        "document.pdf": render_pdf(other),
        "factur-x.xml": render_xml(other),
        "ubl.xml": render_ubl(other),
        "lines.csv": render_lines_csv(other),
    }  # fmt: skip
    path = await write(tmp_path / "a.zip", november(9), made)
    rewrite(path, lambda each, content: papers[name] if each == name else content, is_resealed=True)
    assert not verify_bundle(path)[1].is_sound


async def test_a_file_too_many_or_too_few_is_found(tmp_path: Path) -> None:
    path = await write(tmp_path / "a.zip", november(3))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more.txt", "more")
    assert not verify_bundle(path)[1].is_sound


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"%PDF-1.7"])
def test_what_is_no_bundle_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with pytest.raises(NotBundleError, match=r"a\.zip"):
        verify_bundle(path)


def test_a_document_is_stored_exactly() -> None:
    made = bill(november(), currency="EUR", exchange=Fraction(6, 7))
    stored = render_document(made)
    assert parse_document(stored) == made
    for number in (b"1e100000000", b"6/0", b"1_000", b"", b"9" * 5_000):
        with pytest.raises(NotStoredError, match="is no number"):
            parse_document(stored.replace(b'"6/7"', b'"' + number + b'"'))


async def test_the_command_prints_what_was_checked_and_exits_with_1_on_a_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = await write(tmp_path / "a.zip", november(9))
    runner = CliRunner()
    result = runner.invoke(assemble(["invoices"]), ["invoices", "verify", str(path)])
    assert result.exit_code == 0
    assert "Every number of INV-2026-000123 is what its receipts come to." in result.output
    assert "receipts rated again" in result.output
    rewrite(path, lambda name, content: content + b" " if name == "lines.csv" else content)
    result = runner.invoke(assemble(["invoices"]), ["invoices", "verify", str(path), "--json"])
    assert result.exit_code == 1
    said = json.loads(result.output)
    assert said["is_sound"] is False
    assert said["differences"][0].keys() == {"check", "where", "stated", "found"}
    path.write_bytes(b"no")
    assert run(["invoices", "verify", str(path)]) == 2
    assert "cannot be read as a bundle" in capsys.readouterr().err


async def test_ten_times_the_receipts_take_no_more_memory(tmp_path: Path) -> None:
    peaks = []
    for count in (2_000, 20_000):
        one = receipt(1)

        async def stream(count: int = count, one: ReceiptRecord = one) -> AsyncIterator[ReceiptRecord]:
            for number in range(count):
                yield msgspec.structs.replace(one, request_id=f"req_{number:08d}")

        path = tmp_path / f"{count}.zip"
        made = bill(november(3))
        tracemalloc.start()
        with path.open("wb") as file:
            await write_bundle(file, made, evidence=evidence(), receipts=stream())
        with Bundle(path) as bundle:
            assert sum(1 for _ in bundle.receipts()) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5
