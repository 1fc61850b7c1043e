"""tokenizer.json: any tokenizer in the format of Hugging Face's ``tokenizers``."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from jeton.tokens.engines.cutting import list_word_pieces, may_cut_words
from jeton.tokens.engines.interface import encodable, find_module

# The library works at about 1 MB/s and takes some hundred bytes of memory for each token, so it is
# not asked to take so much in one piece.
WHOLE_CHARS_MAX = 200_000


@dataclass(frozen=True, slots=True)
class TokenizerJsonEngine:
    """A tokenizer of ``tokenizers``; what the file calls special tokens are such in a text too."""

    family_id: str
    tokenizer: Any = field(repr=False)
    is_cut: bool = False
    method: Literal["exact"] = "exact"

    def count_text(self, text: str) -> int | None:
        """Tokens of a text; None for 200,000 characters that cannot be cut."""
        clean = encodable(text)
        pieces = list(list_word_pieces(clean)) if self.is_cut else [clean]
        if max(map(len, pieces)) > WHOLE_CHARS_MAX:
            return None
        # A batch lets other threads work meanwhile, and keeps no positions.
        encodings = self.tokenizer.encode_batch_fast(pieces, add_special_tokens=False)
        return sum(map(len, encodings))


def read_tokenizer_json(content: bytes, family_id: str) -> TokenizerJsonEngine:
    """The engine of a tokenizer.json; raises ValueError with what is wrong with it."""
    tokenizers = find_module("tokenizers")
    if tokenizers is None:
        raise ValueError("needs the package tokenizers, which the extra jeton[tokenizers] brings")
    try:
        tokenizer = tokenizers.Tokenizer.from_str(content.decode("utf-8"))
    except Exception as error:  # noqa: BLE001 - the library raises nothing more special for a bad file
        raise ValueError(f"is no tokenizer.json: {error}") from None
    # A file may say that prompts are cut or filled up to a length: it then counts something else.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    whole = TokenizerJsonEngine(family_id, tokenizer)
    is_cut = may_cut_words(lambda text: whole.count_text(text) or 0, tokenizer.get_vocab())
    return replace(whole, is_cut=is_cut)
