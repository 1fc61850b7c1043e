"""Quoting: an answer without any model, made of the sentences of the sections that fit best. Pure."""

from collections.abc import Iterator, Sequence

from jeton.site.asking.verifying import Sentence, verify
from jeton.site.documents.sections import Section
from jeton.tokens.prompt import Message, Prompt
from jeton.upstreams.extract import answer

MODEL = "jeton-extract-1"


def quote(question: str, sections: Sequence[Section]) -> Iterator[Sentence]:
    """What the extractive engine quotes for a question; it is run here, so it costs nothing."""
    turns = [Message("user", section.text) for section in sections]
    prompt = Prompt(MODEL, [*turns, Message("user", as_one_question(question))])
    for passage in answer(prompt).split(" It also says: "):
        sentence = verify(passage, sections)
        if sentence is not None:
            yield sentence


def as_one_question(question: str) -> str:
    """A question as one sentence: the engine takes the last with a question mark for what is asked."""
    return " ".join(question.replace("?", " ").replace("!", " ").replace(". ", " ").split()) + "?"
