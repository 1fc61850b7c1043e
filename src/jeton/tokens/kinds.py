"""Kinds: what sort of content a text is, from a closed set, for reports of accuracy by kind.

Looks at the shares of characters in the head and the middle of a text; no claim is made about the
language itself. Ranges and thresholds are our own: the same text is of the same kind everywhere.
"""

import re
from functools import cache

import numpy as np
import numpy.typing as npt

# Every kind there is: prose by its script, then what is no prose.
PROSE_KINDS = ("latin", "cyrillic", "arabic", "han", "kana", "hangul", "indic", "other_script")
KINDS = (*PROSE_KINDS, "code", "json", "markup", "digits", "base64", "whitespace", "mixed")

# As many characters are looked at, half from the start and half from the middle.
LOOKED_AT_CHARS = 1024

_SCRIPTS = (
    ("latin", "A-Za-z\u00c0-\u024f\u1e00-\u1eff"),
    ("cyrillic", "\u0400-\u052f"),
    ("arabic", "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"),
    ("han", "\u2e80-\u2fdf\u3005-\u3007\u3400-\u9fff\uf900-\ufaff"),
    ("kana", "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9d"),
    ("hangul", "\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3"),
    ("indic", "\u0900-\u0dff"),
    (
        "other_script",
        "\u0250-\u03ff\u0530-\u058f\u0e00-\u10ff\u1200-\u1dff\u1f00-\u1fff\ua000-\uabff",
    ),
    ("digits", "0-9\u0660-\u0669\u06f0-\u06f9"),
    ("whitespace", r"\s"),
    ("marks", "{}();=<>\\[\\]\"'/*#&|_$@+\\\\-"),
)
_RUNS = re.compile("|".join(f"([{characters}]+)" for _, characters in _SCRIPTS))
# By the number of the group that matches them.
_GROUPS = ("", *(name for name, _ in _SCRIPTS))
_CODE = re.compile(
    r"\s*(?:def |class |import |from \S+ import|#include|package |using |func |fn |pub |let |const |var |"
    r"return\b|if \(|for \(|while \(|public |private |static |@\w+|\}|//|/\*|#!/|SELECT |INSERT |end$|"
    r"local )"
)
_JSON = re.compile(r'\s*[\[{]\s*(?:["\[{\d\]}-]|true|false|null)')
_JSON_PAIR = re.compile(r'"\s*:\s*["\d\[{tfn-]')
_TAG = re.compile(r"</?[A-Za-z!?][^<>\n]{0,200}>")
_BASE64_MIN = 60
_BASE64_RUN = re.compile(rf"[A-Za-z0-9+/=_-]{{{_BASE64_MIN},}}")

# Japanese is told from Chinese by a tenth of kana; prose of one script has three quarters of it.
_KANA_SHARE = 0.1
_PROSE_SHARE = 0.75
_BASE64_SHARE = 0.6
_TAG_SHARE = 0.15
_CODE_LINES_MIN = 3


def find_kind(text: str) -> str:
    """The kind of a text, one of KINDS; an empty text is whitespace."""
    sample = text
    if len(text) > LOOKED_AT_CHARS:
        half = LOOKED_AT_CHARS // 2
        middle = len(text) // 2
        sample = text[:half] + text[middle : middle + half]
    sizes = _measure_groups(sample)
    inked = len(sample) - sizes["whitespace"]
    if inked * 20 <= len(sample):
        return "whitespace"
    return _find_structure(sample, sizes, inked) or _find_script(sizes, inked)


def _measure_groups(sample: str) -> dict[str, int]:
    """How many characters of a sample are of each script, digits, white space or marks."""
    units = np.frombuffer(sample.encode("utf-16-le", "surrogatepass"), dtype="<u2")
    counts = np.bincount(_list_groups().take(units), minlength=len(_GROUPS))
    return dict(zip(_GROUPS, counts.tolist(), strict=True))


@cache
def _list_groups() -> npt.NDArray[np.uint8]:
    """The place in _GROUPS of each UTF-16 unit; what is beyond is of none."""
    every = "".join(map(chr, range(1 << 16)))
    groups = np.zeros(len(every), dtype=np.uint8)
    for run in _RUNS.finditer(every):
        groups[run.start() : run.end()] = run.lastindex or 0
    return groups


def _find_structure(sample: str, sizes: dict[str, int], inked: int) -> str | None:
    """The kind of what is no prose, else None."""
    if sizes["digits"] * 2 > inked:
        return "digits"
    # Cheap questions first: most texts have no run so long, no tag, and few marks.
    has_run = max(map(len, sample.split())) >= _BASE64_MIN
    if has_run and _share(_BASE64_RUN.findall(sample), inked) > _BASE64_SHARE:
        return "base64"
    if _JSON.match(sample) and len(_JSON_PAIR.findall(sample)) * 100 > inked:
        return "json"
    if "<" in sample and _share(_TAG.findall(sample), inked) > _TAG_SHARE:
        return "markup"
    if sizes["marks"] * 25 <= inked:
        return None
    lines = sample.split("\n")
    if sizes["marks"] * 8 > inked and len(lines) >= _CODE_LINES_MIN:
        return "code"
    starts = sum(1 for line in lines if _CODE.match(line))
    return "code" if starts * 6 > len(lines) else None


def _find_script(sizes: dict[str, int], inked: int) -> str:
    """The script that most of the letters are from."""
    letters = {kind: sizes[kind] for kind in PROSE_KINDS}
    total = sum(letters.values())
    if total * 2 < inked:
        return "mixed"
    japanese = letters["kana"] + letters["han"]
    if letters["kana"] > _KANA_SHARE * total and japanese > _PROSE_SHARE * total:
        return "kana"
    kind, most = max(letters.items(), key=lambda item: item[1])
    return kind if most > _PROSE_SHARE * total else "mixed"


def _share(found: list[str], inked: int) -> float:
    """How much of the inked characters is in what was found."""
    return sum(map(len, found)) / max(inked, 1)
