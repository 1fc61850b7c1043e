"""Counting: texts and prompts by the surest method that a family has, and which method that was.

In this order: the provider's own tokenizer, one rebuilt by probing, a calibrated estimate, the
family's ceiling. What the upstream itself can be asked for is the caller's business.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from importlib.resources.abc import Traversable
from typing import Protocol, assert_never

from jeton.errors import ConfigurationError
from jeton.tokens.content import Fetched, Image, Pdf, Text, list_parts, render_raw
from jeton.tokens.count import Count, Method, add_counts, exact_count
from jeton.tokens.counter.conversation import TEXT_CHARS_MIN, Conversation, text_key
from jeton.tokens.counter.demotion import Demotion
from jeton.tokens.engines.claude import claude_engines, claude_model_engines
from jeton.tokens.engines.files import FILE_BYTES_MAX, read_tokenizers
from jeton.tokens.engines.interface import Engine
from jeton.tokens.engines.packaged import packaged_engines
from jeton.tokens.exact import find_tier
from jeton.tokens.families import O200K, ImageTier, Span, find_family, load_facts
from jeton.tokens.frame import frame_tokens
from jeton.tokens.media import PDF_PAGES_MAX, image_tokens, pdf_span, pdf_tokens
from jeton.tokens.prompt import Prompt

# A longer prompt is estimated as a whole: to rebuild its count would take more than 200 ms. By all its
# texts and not by the new ones, so that what is remembered never changes a number.
REBUILT_CHARS_MAX = 32_768


class TextEstimator(Protocol):
    """What an estimate must be able to do; see ``jeton.tokens.estimate``."""

    def estimate(self, text: str) -> Count:
        """Tokens of a text, with an interval."""
        ...


FindEstimator = Callable[[str], TextEstimator | None]


class Counter:
    """Counts for every family; one for a process, and its memory with it."""

    def __init__(
        self,
        engines: Iterable[Engine],
        *,
        find_estimator: FindEstimator,
        model_engines: Mapping[str, Engine] | None = None,
        conversation: Conversation | None = None,
    ) -> None:
        """Use ``engines``, the last one of a family, but a model's own; estimate what they do not count."""
        self.demotion = Demotion()
        self._model_engines = model_engines or {}
        self._engines = {engine.family_id: engine for engine in engines}
        self._find_estimator = find_estimator
        self._conversation = Conversation() if conversation is None else conversation

    def can_count(self, family_id: str) -> Method:
        """The surest method for a family's texts."""
        engine = self._find_engine(family_id)
        if engine is not None:
            return engine.method
        return "bounded" if self._find_estimator(family_id) is None else "estimated"

    def count_text(self, text: str, family_id: str) -> Count:
        """Tokens of a text alone."""
        return self._open_tally(family_id).count_text(text)

    def count_prompt(self, prompt: Prompt, family_id: str) -> Count:
        """Tokens of a prompt as the provider would bill it: its texts, their frame, images and PDFs.

        ``exact`` and ``reconstructed`` only if everything is: where nobody published how turns are framed,
        the best tokenizer makes an estimate.
        """
        texts, others = _split_prompt(prompt)
        may_rebuild = sum(map(len, texts)) <= REBUILT_CHARS_MAX
        tally = self._open_tally(family_id, prompt.model, may_rebuild=may_rebuild)
        tier = find_tier(find_family(family_id))
        counts = [_render_span(frame_tokens(prompt, family_id), family_id)]
        counts += map(tally.count_text, texts)
        counts += [_count_other(part, tally, tier) for part in others]
        return add_counts(counts, family_id)

    def _open_tally(self, family_id: str, model: str = "", *, may_rebuild: bool = True) -> "_Tally":
        estimator = self._find_estimator(family_id)
        engine = self._find_engine(family_id)
        if engine is None or (engine.method == "reconstructed" and not may_rebuild):
            return _Tally(family_id, None, estimator=estimator, conversation=self._conversation)
        counted_by = f"{family_id} {engine.method}"
        if engine.method == "reconstructed" and model in self._model_engines:
            engine, counted_by = self._model_engines[model], f"{counted_by} {model}"
        return _Tally(family_id, (engine, counted_by), estimator=estimator, conversation=self._conversation)

    def _find_engine(self, family_id: str) -> Engine | None:
        engine = self._engines.get(family_id)
        if engine is not None and engine.method == "reconstructed" and self.demotion.is_demoted(family_id):
            return None
        return engine


class _Tally:
    """One family's texts, counted by what there is for it."""

    def __init__(
        self,
        family_id: str,
        named_engine: tuple[Engine, str] | None,
        *,
        estimator: TextEstimator | None,
        conversation: Conversation,
    ) -> None:
        self.family_id = family_id
        self._engine = named_engine[0] if named_engine else None
        self._counted_by = named_engine[1] if named_engine else family_id
        self._estimator = estimator
        self._conversation = conversation

    def count_text(self, text: str) -> Count:
        if len(text) < TEXT_CHARS_MIN:
            return self._count_new(text)
        key = text_key(text, self._counted_by)
        count = self._conversation.find(key)
        if count is None:
            count = self._count_new(text)
            self._conversation.keep(key, count)
        return count

    def _count_new(self, text: str) -> Count:
        if not text:
            return exact_count(0, self.family_id)
        if self._engine is not None:
            tokens = self._engine.count_text(text)
            if tokens is not None:
                return exact_count(tokens, self.family_id, self._engine.method)
        if self._estimator is not None:
            return self._estimator.estimate(text)
        return bound_text(text, self.family_id)


def bound_text(text: str, family_id: str) -> Count:
    """The most tokens that a text can have: its bytes times what the family makes of one.

    A family of which nothing is known is taken for the one that makes the most.
    """
    family = find_family(family_id)
    families = (family,) if family is not None else load_facts().families.values()
    per_byte = max(family.tokens_per_byte for family in families)
    most = -(-len(text.encode("utf-8", "replace")) * per_byte.numerator // per_byte.denominator)
    return Count(most, 0, most, "bounded", family_id, "")


def load_counter(
    tokenizer_files: Mapping[str, Traversable] | None = None, *, find_estimator: FindEstimator
) -> Counter:
    """A counter with the packaged engines, the optional ones, and those of an operator's files.

    Raises ConfigurationError with a sentence for each file that is missing or is no tokenizer.
    """
    contents: dict[str, tuple[str, bytes]] = {}
    mistakes: list[str] = []
    for family_id, file in (tokenizer_files or {}).items():
        try:
            with file.open("rb") as opened:
                contents[family_id] = (str(file), opened.read(FILE_BYTES_MAX + 1))
        except OSError as error:
            mistakes.append(f"The tokenizer of {family_id}, {file}, cannot be read: {error.strerror}.")
    if mistakes:
        raise ConfigurationError(mistakes)
    engines: list[Engine] = [*claude_engines(), *packaged_engines(), *read_tokenizers(contents)]
    return Counter(engines, find_estimator=find_estimator, model_engines=claude_model_engines())


def _split_prompt(prompt: Prompt) -> tuple[list[str], list[Image | Pdf | Fetched]]:
    """The texts of a prompt, and everything else in it."""
    texts = [render_raw(tool) for tool in prompt.tools]
    others: list[Image | Pdf | Fetched] = []
    contents = [message.content for message in prompt.messages]
    if prompt.system is not None:
        contents.append(prompt.system)
    for content in contents:
        if isinstance(content, str):
            texts.append(content)
            continue
        for part in list_parts(content):
            if isinstance(part, Text):
                texts.append(part.text)
            else:
                others.append(part)
    return texts, others


def _count_other(part: Image | Pdf | Fetched, tally: _Tally, tier: ImageTier) -> Count:
    match part:
        case Image(data=data):
            return _render_span(_image_span(data, tier, tally.family_id), tally.family_id)
        case Pdf(data=data):
            return _render_span(_pdf_span(data, tier, tally.family_id), tally.family_id)
        case Fetched(reference) if tally.family_id == O200K:
            # What this process answers itself fetches nothing: what counts is what was sent.
            return tally.count_text(reference)
        case Fetched():
            page = tier.page
            return _render_span(Span(0, page.value, page.high * PDF_PAGES_MAX), tally.family_id)
        case _:
            assert_never(part)


def _image_span(data: str | None, tier: ImageTier, family_id: str) -> Span:
    tokens = image_tokens(data, tier)
    if family_id == O200K or tokens < tier.tokens_max:
        return Span(tokens, tokens, tokens)
    return Span(1, tokens, tokens)


def _pdf_span(data: str, tier: ImageTier, family_id: str) -> Span:
    if family_id == O200K:
        tokens = pdf_tokens(data, tier)
        return Span(tokens, tokens, tokens)
    try:
        content = base64.b64decode(data)
    except (binascii.Error, ValueError):
        content = b""
    return pdf_span(content, tier)


def _render_span(span: Span, family_id: str) -> Count:
    method: Method = "exact" if span.low == span.high else "estimated"
    return Count(span.value, span.low, span.high, method, family_id, "")
