"""Demotion: when a rebuilt tokenizer is believed no more, since the provider counts something else.

Claude's tokenizer has changed silently before (Opus 4.7). What the provider reports is compared with
what was counted, and what lies outside the count's limits is the mismatch.
"""

from collections import deque

from jeton.tokens.count import Count

# Comparisons that are looked back on, and how many there must be before anything is decided.
COMPARISONS_MAX = 1_000
COMPARISONS_MIN = 20
# Tokens of mismatch among a thousand reported, above which a family is demoted.
MISMATCH_PER_MILLE_MAX = 1


class Demotion:
    """The families whose rebuilt counts are not used any more, and the comparisons of the others."""

    def __init__(self) -> None:
        """Believe every family."""
        self._demoted: set[str] = set()
        self._comparisons: dict[str, deque[tuple[int, int]]] = {}

    def note(self, count: Count, reported: int) -> bool:
        """Note a rebuilt count and the tokens that the provider reported; True where that demotes its family.

        Twenty prompts of 1,000 tokens of which one was counted 21 tokens too low demote it: 21 > 20.
        """
        if self.is_demoted(count.family):
            return False
        mismatch = max(0, count.low - reported, reported - count.high)
        comparisons = self._comparisons.setdefault(count.family, deque(maxlen=COMPARISONS_MAX))
        comparisons.append((mismatch, reported))
        if len(comparisons) < COMPARISONS_MIN:
            return False
        off = sum(mismatch for mismatch, _ in comparisons)
        if off * 1_000 <= MISMATCH_PER_MILLE_MAX * sum(reported for _, reported in comparisons):
            return False
        self.demote(count.family)
        return True

    def demote(self, family_id: str) -> None:
        """Use no rebuilt counts of a family from now on."""
        self._demoted.add(family_id)
        self._comparisons.pop(family_id, None)

    def is_demoted(self, family_id: str) -> bool:
        """Whether the rebuilt counts of a family are not to be used."""
        return family_id in self._demoted
