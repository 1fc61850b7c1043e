"""Files: tokenizers that an operator names, their kind found by what is in them."""

import re
from collections.abc import Mapping

import msgspec

from jeton.errors import ConfigurationError
from jeton.tokens.engines.interface import Engine
from jeton.tokens.engines.ranks import read_rank_file, read_tekken
from jeton.tokens.engines.sentencepiece_model import read_sentencepiece
from jeton.tokens.engines.tokenizer_json import read_tokenizer_json

# The largest that are known are tokenizer.json files of about 35 MB.
FILE_BYTES_MAX = 256_000_000

_RANK_LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2} [0-9]+\r?\n")


class _Json(msgspec.Struct):
    """What tells a tekken.json from a tokenizer.json."""

    config: msgspec.Raw = msgspec.Raw()
    vocab: msgspec.Raw = msgspec.Raw()
    model: msgspec.Raw = msgspec.Raw()


def read_tokenizer(content: bytes, family_id: str) -> Engine:
    """The engine of a tokenizer file for a family; raises ValueError with what is wrong with the file."""
    if not content:
        raise ValueError("is empty")
    if len(content) > FILE_BYTES_MAX:
        raise ValueError(f"has {len(content):,} bytes, more than {FILE_BYTES_MAX:,}")
    if content.lstrip()[:1] == b"{":
        try:
            parts = msgspec.json.decode(content, type=_Json)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"is damaged JSON: {error}") from None
        if parts.config and parts.vocab:
            return read_tekken(content, family_id)
        if parts.model:
            return read_tokenizer_json(content, family_id)
        raise ValueError("is JSON, but neither a tokenizer.json nor a tekken.json")
    if _RANK_LINE.match(content):
        return read_rank_file(content, family_id)
    return read_sentencepiece(content, family_id)


def read_tokenizers(contents: Mapping[str, tuple[str, bytes]]) -> tuple[Engine, ...]:
    """Engines of the files named for families; raises ConfigurationError with a sentence for each bad one."""
    engines: list[Engine] = []
    mistakes: list[str] = []
    for family_id, (name, content) in contents.items():
        try:
            engines.append(read_tokenizer(content, family_id))
        except ValueError as error:
            mistakes.append(f"The tokenizer of {family_id}, {name}, {error}.")
    if mistakes:
        raise ConfigurationError(mistakes)
    return tuple(engines)
