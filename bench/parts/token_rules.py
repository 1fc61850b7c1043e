"""Token rules: what others estimate tokens by, written anew from their descriptions."""

import math
import re
from collections.abc import Callable

# tokenx (npm, 2.2): a text is cut at white space and punctuation; short pieces are one token, CJK
# characters one each, punctuation half, and words a sixth of their letters: a third in German and
# French, two sevenths in Slavic languages with a Latin alphabet.
_PIECES = re.compile(r"(\s+|[.,!?;(){}\[\]<>:/\\|@#$%^&*+=`~_-]+)")
_CJK = re.compile(
    r"[\u4e00-\u9fff\u3400-\u4dbf\u3000-\u303f\uff00-\uffef\u30a0-\u30ff\u2e80-\u2eff\u31c0-\u31ef\u3200-\u32ff\u3300-\u33ff\uac00-\ud7af\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\ud7b0-\ud7ff\u3040-\u309f]"
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_PUNCTUATION = re.compile(r"[.,!?;(){}\[\]<>:/\\|@#$%^&*+=`~_-]")
_WORD = re.compile(r"[a-zA-Z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]+")
_LANGUAGES = (
    (re.compile("[äöüßẞ]", re.IGNORECASE), 3.0),
    (re.compile("[éèêëàâîïôûùüÿçœæáíóúñ]", re.IGNORECASE), 3.0),
    (re.compile("[ąćęłńóśźżěščřžýůúďťň]", re.IGNORECASE), 3.5),
)
_LETTERS_PER_TOKEN = 6.0


def _estimate_tokenx(text: str) -> int:
    return sum(map(_estimate_piece, filter(None, _PIECES.split(text))))


def _estimate_piece(piece: str) -> int:
    if piece.isspace():
        return 0
    if _CJK.search(piece):
        return len(piece)
    if _NUMBER.fullmatch(piece) or len(piece) <= 3:
        return 1
    if _PUNCTUATION.search(piece):
        return math.ceil(len(piece) / 2)
    if _WORD.fullmatch(piece):
        letters = next((share for pattern, share in _LANGUAGES if pattern.search(piece)), _LETTERS_PER_TOKEN)
        return math.ceil(len(piece) / letters)
    return len(piece)


RULES: dict[str, Callable[[str], int]] = {
    "characters / 4": lambda text: round(len(text) / 4),
    "words / 0.75": lambda text: round(len(text.split()) / 0.75),
    "tokenx' rules": _estimate_tokenx,
}
