"""Calibration: a family's packaged data, read and checked.

A ``.tokcal`` file is one line of JSON, which says what was fitted on what and how well it did on
texts that it had never seen, and then the tables, compressed with zlib, one after the other.
"""

import json
import zlib
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from jeton.errors import ConfigurationError
from jeton.tokens.estimate.characters import UNITS
from jeton.tokens.estimate.weighing import PAIR_BITS, SEGMENT_BITS, TRIPLE_BITS, Tables, Weights, make_tables

FORMAT = 2
ID_DIGITS = 16
_DECOMPRESSED_MAX = 8_000_000


@dataclass(frozen=True, slots=True)
class Band:
    """How far an estimate may be off where at most ``guessed_percent`` of it are a guess.

    The truth is, but for one in a thousand, at most ``above`` and at least ``below`` thousandths
    away.
    """

    guessed_percent: int
    above: int
    below: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """A family's tables and limits; ``calibration_id`` is of the file's bytes.

    No text has more tokens than ``cap_numerator / cap_denominator`` times its bytes; ``rest`` is
    what any text may be off by beside its band, however short.
    """

    calibration_id: str
    family: str
    tables: Tables
    bands: tuple[Band, ...]
    rest: int
    cap_numerator: int
    cap_denominator: int
    measured: dict[str, Any]

    def find_band(self, guessed_percent: int) -> Band:
        """The band of an estimate of which so many of a hundred tokens are a guess."""
        for band in self.bands:
            if guessed_percent <= band.guessed_percent:
                return band
        return self.bands[-1]


def parse_calibration(content: bytes) -> Calibration:
    """Parse a ``.tokcal`` file; raises ConfigurationError when it is none or of another format."""
    line, _, packed = content.partition(b"\n")
    try:
        header = json.loads(line)
        if header["format"] != FORMAT:
            raise ConfigurationError([f"calibration: format {header['format']} is not {FORMAT}."])
        unpacked = zlib.decompressobj().decompress(packed, _DECOMPRESSED_MAX)
        return Calibration(
            calibration_id=sha256(content).hexdigest()[:ID_DIGITS],
            family=header["family"],
            tables=make_tables(_read_weights(unpacked), by_space=header["by_space"]),
            bands=tuple(Band(*band) for band in header["bands"]),
            rest=header["rest"],
            cap_numerator=header["cap"][0],
            cap_denominator=header["cap"][1],
            measured=header["measured"],
        )
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise ConfigurationError([f"calibration: not a .tokcal file ({error})."]) from error


def _read_weights(unpacked: bytes) -> Weights:
    """The weights in the order in which they are written; raises ValueError where bytes are missing."""
    arrays = []
    at = 0
    for kind, count in (
        ("<u2", 1 << SEGMENT_BITS),
        ("<i2", UNITS),
        ("<i2", 1 << PAIR_BITS),
        ("i1", 1 << TRIPLE_BITS),
        ("u1", UNITS // 8),
    ):
        array = np.frombuffer(unpacked, dtype=kind, count=count, offset=at)
        at += array.nbytes
        arrays.append(array)
    segments, singles, pairs, triples, strange = arrays
    return Weights(segments, singles, pairs, triples, np.unpackbits(strange).view(np.bool_))


def pack_weights(weights: Weights) -> bytes:
    """Weights as ``parse_calibration`` reads them."""
    strange = np.packbits(weights.strange)
    arrays = (weights.segments, weights.singles, weights.pairs, weights.triples, strange)
    return zlib.compress(b"".join(array.tobytes() for array in arrays), 9)
