"""Small tokenizer files of every kind, made here: a real one has megabytes, and a licence."""

import base64
import io
import json
from typing import Any

import sentencepiece
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

TEXTS = (
    "The price of a token is what the price book says it is on that day.",
    "def rate(usage, version):\n    return usage.tokens * version.price",
    "Überweisung für 1.000 Münzen; naïve façade, 価格は一個あたり。",
)
TEKKEN_PATTERN = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def list_ranks(count: int) -> list[bytes]:
    """Every byte, then pairs and triples of letters, as often as is asked for."""
    letters = [bytes([letter]) for letter in range(97, 123)]
    pairs = [a + b for a in letters for b in letters]
    triples = [pair + c for pair in pairs for c in letters]
    fours = [triple + d for triple in triples[:2500] for d in letters]
    return [*(bytes([byte]) for byte in range(256)), *pairs, *triples, *fours][:count]


def tekken_json(pattern: str = TEKKEN_PATTERN, **changes: int) -> bytes:
    tokens = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
        for rank, token in enumerate(list_ranks(1_000))
    ]
    sizes = {"default_vocab_size": 910, "default_num_special_tokens": 10, **changes}
    return json.dumps({"config": {"pattern": pattern, **sizes}, "vocab": tokens}).encode()


def rank_file(count: int) -> bytes:
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(list_ranks(count)))


def byte_level_tokenizer() -> Any:  # noqa: ANN401 - the package has no types for its own classes
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS * 20, trainer)
    return tokenizer


def prepending_tokenizer() -> Any:  # noqa: ANN401 - as above
    """As the older Llama models: one long word, and a space before every text."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>"], show_progress=False)
    tokenizer.train_from_iterator(TEXTS * 20, trainer)
    return tokenizer


def sentencepiece_model(*, is_prefixed: bool) -> bytes:
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 20),
        model_writer=written,
        vocab_size=400,
        model_type="bpe",
        byte_fallback=True,
        add_dummy_prefix=is_prefixed,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    return written.getvalue()
