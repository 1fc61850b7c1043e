"""Labels: where in a text a family's tokens fall, from a tokenizer that is at hand.

For Claude's families that is ``ctok`` (PyPI, MIT, unofficial: install it by hand with
``pip install --ignore-requires-python ctok``). Its rule that no token crosses the edge of a word is
used to count each word and each gap between words once, which makes it ten times as fast.
"""

import re
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from jeton.tokens.exact import count_text

Positions = npt.NDArray[np.int64]

_BOW, _EOW = "\ufdd0", "\ufdd1"
_STAND_IN = "a"
# From here on are pictures, which are segments of their own.
_SYMBOLS = "\u2000"
_MARKED = len(_BOW + _STAND_IN + _EOW)


class ClaudeLabels:
    """Token counts of one of Claude's families, by position."""

    def __init__(self, version: str) -> None:
        """Load ``ctok``'s pieces for "v3" or "v4.7"; raises ImportError without ``ctok``."""
        self._normalize: Any = import_module("ctok.normalize")
        self._engine: Any = import_module("ctok.engine")
        constants: Any = import_module("ctok.constants")
        self._model: Any = import_module("ctok.main")._model(version)  # noqa: SLF001 (no public way to its pieces)
        self._markers = constants.MARKER_GLYPHS
        self._suffixes = constants.CONTRACTION_SUFFIXES
        self._words: dict[str, int] = {}
        self._gaps: dict[tuple[str, str, str], tuple[list[tuple[int, int]], bool]] = {}
        wordy = [chr(point) for point in range(0x10000) if self._is_wordy(point)]
        self._wordy = frozenset(wordy)
        inside = "".join(map(re.escape, wordy))
        self._runs = re.compile(f"[{inside}]+|[^{inside}]+")

    def label(self, text: str) -> tuple[Positions, Positions]:
        """Byte positions and the tokens that start there, of a text that ``prepare`` returned."""
        folded: str = self._normalize.nfc(text, fold_quotes=self._model.fold_quotes)
        runs = self._runs.findall(folded)
        positions: list[int] = []
        counts: list[int] = []
        at = 0
        is_joined = False
        for index, run in enumerate(runs):
            if run[0] not in self._wordy:
                follower = runs[index + 1] if index + 1 < len(runs) else ""
                shares, is_joined = self._count_gap(run, is_first=index == 0, follower=follower)
                positions += [at + offset for offset, _ in shares]
                counts += [count for _, count in shares]
            elif is_joined:
                is_joined = False
            else:
                positions.append(at)
                counts.append(self._count_word(run))
            at += len(run)
        offsets = np.cumsum([0, *(len(char.encode()) for char in text)])
        return offsets[positions], np.array(counts, dtype=np.int64)

    def _is_wordy(self, point: int) -> bool:
        return not 0xD800 <= point < 0xE000 and self._normalize.classify(chr(point)) == "wordy"

    def _tile(self, stream: str) -> tuple[int, list[tuple[int, int]]]:
        count, spans = self._engine.min_vocab_tile(
            stream, self._model.trie, lambda at: self._cost(stream[at])
        )
        return int(count), spans

    def _cost(self, char: str) -> int:
        return 1 if char in self._markers else int(self._engine.char_cost(self._model, char))

    def _count_word(self, word: str) -> int:
        if word not in self._words:
            self._words[word] = self._tile(self._normalize.stream_norm(word, self._model))[0]
        return self._words[word]

    def _count_gap(self, gap: str, *, is_first: bool, follower: str) -> tuple[list[tuple[int, int]], bool]:
        """Tokens by offset in the gap, and whether they are of the word after it too ("'ll")."""
        before = "" if is_first else _STAND_IN
        after = follower if gap[-1] == "'" and follower in self._suffixes else _STAND_IN if follower else ""
        key = (before, gap, after)
        if key not in self._gaps:
            stream = self._normalize.stream_norm(before + gap + after, self._model)
            stream = stream[_MARKED if before else 0 :]
            marked = _BOW + after + _EOW
            is_joined = bool(after) and not stream.endswith(marked)
            if after and not is_joined:
                stream = stream[: -len(marked)]
            self._gaps[key] = (self._share(gap, stream), is_joined)
        return self._gaps[key]

    def _share(self, gap: str, stream: str) -> list[tuple[int, int]]:
        """A gap's tokens by the offset of their first character."""
        count, spans = self._tile(stream)
        if count <= 1 or len(gap) == 1 or not any(char.isalnum() or char >= _SYMBOLS for char in gap):
            return [(0, count)]
        offsets = []
        at = 0
        for char in stream:
            if char not in self._markers:
                while at < len(gap) - 1 and gap[at] != char and gap[at] == " ":
                    at += 1
            offsets.append(min(at, len(gap) - 1))
            at += char not in self._markers
        shares: dict[int, int] = {}
        for start, end in spans:
            tokens = 1 if end - start > 1 or stream[start] in self._model.vocab else self._cost(stream[start])
            shares[offsets[start]] = shares.get(offsets[start], 0) + tokens
        return sorted(shares.items())


def prepare(text: str) -> str:
    """A text in the form that Claude's families read it in, so that positions stay the same."""
    normalize: Any = import_module("ctok.normalize")
    return str(normalize.nfc(text, fold_quotes=False)).strip("\n")


def label_o200k(text: str) -> Positions:
    """The byte position of each token's last byte."""
    encoder: Any = import_module("rs_bpe.bpe").openai.o200k_base()
    lengths = [len(encoder.bpe().decode_tokens([token])) for token in encoder.encode(text)]
    if len(lengths) != count_text(text):
        raise ValueError(f"{len(lengths)} tokens, but {count_text(text)} are counted.")
    return np.cumsum(np.array(lengths, dtype=np.int64)) - 1
