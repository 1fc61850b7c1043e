"""Reading a bundle of somebody else's: bounded, and nothing in it is believed before it was hashed."""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self, TypeVar

import msgspec

from jeton.billing.paper.bundle.findings import Findings
from jeton.billing.paper.bundle.words import (
    FILES,
    MANIFEST,
    OPTIONAL,
    RECEIPTS,
    SCHEMA,
    Manifest,
    ReceiptRecord,
)
from jeton.errors import InvalidInputError

FILE_BYTES_MAX = 512 * 1024**2
LINE_BYTES_MAX = 64 * 1024
_CHUNK_BYTES = 1024**2
_FILES = "files"

# What a damaged or an encrypted archive, or one packed in another way, raises.
_UNREADABLE = (KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)

T = TypeVar("T")


class NotBundleError(InvalidInputError):
    """A file that is no bundle, or a part of one that cannot be read."""

    code = "not_a_bundle"

    def __init__(self, name: str, problem: object) -> None:
        """Name the file and what is wrong with it."""
        super().__init__(f"{name} cannot be read as a bundle of a document: {problem}.")


class Bundle:
    """An open bundle; a context manager."""

    def __init__(self, path: Path) -> None:
        """Open it; NotBundleError."""
        self._name = path.name
        try:
            self._archive = zipfile.ZipFile(path)
            self.manifest = self.parse(MANIFEST, Manifest)
        except (OSError, zipfile.BadZipFile) as error:
            raise NotBundleError(self._name, error) from error
        if self.manifest.schema != SCHEMA:
            raise NotBundleError(self._name, f"it has the schema {self.manifest.schema}, not {SCHEMA}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return name in self._archive.namelist()

    def read(self, name: str) -> bytes:
        """A whole file, FILE_BYTES_MAX at most; NotBundleError."""
        try:
            with self._archive.open(name) as file:
                content = file.read(FILE_BYTES_MAX + 1)
        except _UNREADABLE as error:
            raise NotBundleError(f"{name} of {self._name}", error) from error
        if len(content) > FILE_BYTES_MAX:
            raise NotBundleError(f"{name} of {self._name}", f"it has more than {FILE_BYTES_MAX} bytes")
        return content

    def parse(self, name: str, kind: type[T]) -> T:
        """A file of JSON as what it has to be; NotBundleError."""
        try:
            return msgspec.json.decode(self.read(name), type=kind)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise NotBundleError(f"{name} of {self._name}", error) from error

    def receipts(self) -> Iterator[ReceiptRecord]:
        """The receipts, one by one; NotBundleError names the line."""
        decoder = msgspec.json.Decoder(ReceiptRecord)
        with self._archive.open(RECEIPTS) as file:
            number = 0
            while line := self._read_line(file):
                number += 1
                try:
                    yield decoder.decode(line)
                except (msgspec.ValidationError, msgspec.DecodeError) as error:
                    raise NotBundleError(f"Line {number} of {RECEIPTS} of {self._name}", error) from error

    def _read_line(self, file: IO[bytes]) -> bytes:
        try:
            return file.readline(LINE_BYTES_MAX + 1)
        except _UNREADABLE as error:
            raise NotBundleError(f"{RECEIPTS} of {self._name}", error) from error

    def check_files(self, findings: Findings) -> None:
        """Every file is as the manifest says, and there is no other."""
        findings.begin(_FILES)
        sealed = self.manifest.seal()
        findings.compare(_FILES, f"digest of {MANIFEST}", stated=self.manifest.digest, found=sealed.digest)
        listed = set(self._archive.namelist()) - {MANIFEST}
        wanted = {name for name in FILES if name not in OPTIONAL or name in listed}
        findings.compare(
            _FILES, "the list of files", stated=sorted(self.manifest.files), found=sorted(wanted)
        )
        findings.compare(_FILES, "the files", stated=sorted(listed), found=sorted(wanted))
        for name, record in self.manifest.files.items():
            if name in listed:
                size = self._archive.getinfo(name).file_size
                findings.compare(_FILES, f"bytes of {name}", stated=record.bytes, found=size)
                findings.compare(_FILES, f"SHA-256 of {name}", stated=record.sha256, found=self._digest(name))

    def _digest(self, name: str) -> str:
        digest = hashlib.sha256()
        try:
            with self._archive.open(name) as file:
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
        except _UNREADABLE as error:
            return f"a file that cannot be read ({error})"
        return digest.hexdigest()
