"""SentencePiece: models in the ``.model`` format, as Gemma and older Llama and Mistral models have."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from jeton.tokens.engines.cutting import list_word_pieces, may_cut_words
from jeton.tokens.engines.interface import encodable, find_module

WHOLE_CHARS_MAX = 200_000


@dataclass(frozen=True, slots=True)
class SentencePieceEngine:
    """A processor of ``sentencepiece``."""

    family_id: str
    processor: Any = field(repr=False)
    is_cut: bool = False
    method: Literal["exact"] = "exact"

    def count_text(self, text: str) -> int | None:
        """Tokens of a text; None for 200,000 characters that cannot be cut."""
        clean = encodable(text)
        tokens = 0
        for piece in list_word_pieces(clean) if self.is_cut else [clean]:
            if len(piece) > WHOLE_CHARS_MAX:
                return None
            tokens += len(self.processor.encode(piece))
        return tokens


def read_sentencepiece(content: bytes, family_id: str) -> SentencePieceEngine:
    """The engine of a SentencePiece model; raises ValueError with what is wrong with it."""
    sentencepiece = find_module("sentencepiece")
    if sentencepiece is None:
        raise ValueError("needs the package sentencepiece, which the extra jeton[tokenizers] brings")
    processor = sentencepiece.SentencePieceProcessor()
    try:
        is_loaded = processor.LoadFromSerializedProto(content)
    except RuntimeError:
        is_loaded = False
    if not is_loaded or not processor.get_piece_size():
        raise ValueError("is none of tokenizer.json, tekken.json, .tiktoken and SentencePiece .model")
    whole = SentencePieceEngine(family_id, processor)
    vocabulary = map(processor.id_to_piece, range(processor.get_piece_size()))
    return replace(whole, is_cut=may_cut_words(lambda text: whole.count_text(text) or 0, vocabulary))
