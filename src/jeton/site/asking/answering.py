"""Answering: from a question to the sentences of an answer that are borne by the documentation."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import psycopg
import structlog

from jeton.db.pool import Pool
from jeton.errors import JetonError
from jeton.feedback.questions import record_unanswered
from jeton.site.asking.finding import Found
from jeton.site.asking.prompting import make_prompt
from jeton.site.asking.quoting import quote
from jeton.site.asking.sources import Sources
from jeton.site.asking.verifying import SENTENCES_MAX, Sentence, Splitter, verify
from jeton.site.documents import Section
from jeton.site.writer import Writer, WriterError

ADVISED_MAX = 3

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class End:
    """How an answer ended; without an answer, ``nearest`` is what one may read instead."""

    is_answered: bool
    nearest: tuple[Section, ...] = ()


class Answering:
    """Answers questions; without a writer, or where it fails, by quoting."""

    def __init__(self, sources: Sources, writer: Writer | None, pool: Pool | None) -> None:
        """``pool`` is for the inbox, where questions without an answer go."""
        self._sources = sources
        self._writer = writer
        self._pool = pool

    async def answer(self, question: str) -> AsyncGenerator[Sentence | End]:
        """Each sentence once it is verified, and the end."""
        found = self._sources.get_finder().find(question)
        count = 0
        if found.is_enough:
            async with aclosing(self._write(question, found)) as sentences:
                async for sentence in sentences:
                    yield sentence
                    count += 1
                    if count == SENTENCES_MAX:
                        break
        if not count:
            await self._note(question, found)
        yield End(is_answered=count > 0, nearest=() if count else found.sections[:ADVISED_MAX])

    async def _write(self, question: str, found: Found) -> AsyncGenerator[Sentence]:
        has_begun = False
        if self._writer is not None:
            try:
                async with aclosing(_write_verified(self._writer, question, found)) as sentences:
                    async for sentence in sentences:
                        has_begun = True
                        yield sentence
            except WriterError as error:
                _log.info("ask_docs_quotes", reason=str(error))
            else:
                return
        if not has_begun:
            for sentence in quote(question, found.sections):
                yield sentence

    async def _note(self, question: str, found: Found) -> None:
        if self._pool is None:
            return
        nearest = [section.address for section in found.sections[:ADVISED_MAX]]
        try:
            async with self._pool.connection() as connection:
                await record_unanswered(connection, question, nearest=nearest)
        except (psycopg.OperationalError, JetonError) as error:
            # The reader gets the same page either way.
            _log.warning("unanswered_question_lost", error=str(error))


async def _write_verified(writer: Writer, question: str, found: Found) -> AsyncGenerator[Sentence]:
    splitter = Splitter()
    prompt = make_prompt(question, found.sections, is_extractive=writer.is_extractive)
    async with aclosing(writer.write(prompt)) as pieces:
        async for piece in pieces:
            for text in splitter.feed(piece):
                sentence = verify(text, found.sections)
                if sentence is not None:
                    yield sentence
    for text in splitter.finish():
        sentence = verify(text, found.sections)
        if sentence is not None:
            yield sentence
