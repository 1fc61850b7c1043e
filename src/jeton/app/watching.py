"""Watching: the watch over its parts: how prompts are counted, named and mistrusted."""

from jeton.db.pool import Pool
from jeton.tokens.count import Count, Method, exact_count
from jeton.tokens.exact import count_prompt
from jeton.tokens.prompt import Prompt
from jeton.watch.watch import Watch


class _Counter:
    def count_prompt(self, prompt: Prompt, family_id: str) -> Count:
        if self.can_count(family_id) == "exact":
            return exact_count(count_prompt(prompt), family_id)
        return Count(0, 0, 0, "bounded", family_id, "")

    def can_count(self, family_id: str) -> Method:
        return "exact" if family_id == "o200k" else "bounded"


class _Demoter:
    def note(self, family_id: str, counted: int, reported: int) -> bool:
        del family_id, counted, reported
        return False

    def demote(self, family_id: str) -> None:
        del family_id


def make_watch(pool: Pool) -> Watch:
    """A watch that counts as the rest of this process does."""
    return Watch(pool, _Counter(), demoter=_Demoter(), find_kind=lambda _text: "text")
