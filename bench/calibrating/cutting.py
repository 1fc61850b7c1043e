"""Cutting: a text's segments as the estimator sees them, with where each is in the text's bytes."""

from dataclasses import dataclass

import numpy as np

from jeton.tokens.estimate.characters import DIGIT, HAN, HANGUL, KANA, LETTER, PICTURE, SPACE, UNSPACED
from jeton.tokens.estimate.pairs import (
    Codes,
    Integers,
    PairTables,
    Units,
    find_bounds,
    hash_segments,
    mix_units,
)

_WORDS = (LETTER, KANA, UNSPACED)
_SPACE_KEEPERS = (DIGIT, HAN, HANGUL, PICTURE)
_END = "\0\0"


@dataclass(frozen=True, slots=True)
class Cut:
    """UTF-16 units, two zeros after them, their pairs, and per segment its first and last unit and its hash.

    ``byte_ends`` are the UTF-8 bytes up to and with each unit.
    """

    units: Units
    pairs: Codes
    firsts: Integers
    lasts: Integers
    hashes: Codes
    byte_ends: Integers

    @property
    def byte_starts(self) -> Integers:
        """Where segments start, in bytes."""
        return np.concatenate([[0], self.byte_ends[self.lasts[:-1]]])


def cut_text(text: str, tables: PairTables) -> Cut:
    """Cut a text of at least one character."""
    units = np.frombuffer((text + _END).encode("utf-16-le"), dtype="<u2")
    pairs = mix_units(units, tables)
    bounds = find_bounds(pairs, by_space=tables.by_space)
    size = len(units) - len(_END)
    widths = 1 + (units[:size] >= 0x80).astype(np.int64) + (units[:size] >= 0x800)
    widths[(units[:size] >= 0xD800) & (units[:size] < 0xE000)] = 2
    hashes = hash_segments(pairs, bounds)
    return Cut(units, pairs, bounds[:-1], bounds[1:] - 1, hashes, np.cumsum(widths))


def find_owners(cut: Cut, positions: Integers, tables: PairTables) -> Integers:
    """The segment that the byte at each position is of.

    To Claude a space after a number or an ideograph is a token: it is the number's, so that the word
    after it costs what it costs elsewhere.
    """
    where = np.searchsorted(cut.byte_ends, positions, "right")
    owners = np.searchsorted(cut.lasts, where, "left")
    if tables.by_space:
        return owners
    classes = tables.classes
    firsts = cut.firsts
    is_kept = (classes[cut.units[firsts]] == SPACE) & (cut.lasts > firsts) & (firsts > 0)
    is_kept &= np.isin(classes[cut.units[firsts + 1]], _WORDS)
    is_kept &= np.isin(classes[cut.units[np.maximum(firsts - 1, 0)]], _SPACE_KEEPERS)
    moved = is_kept[owners] & (where == firsts[owners])
    found: Integers = owners - moved
    return found
