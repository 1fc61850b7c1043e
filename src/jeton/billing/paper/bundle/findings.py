"""Findings: what was checked, how often, and every place where two numbers differ."""

from collections.abc import Iterator
from dataclasses import dataclass, field

DIFFERENCES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A place in the bundle with what it says and what was found instead."""

    check: str
    where: str
    stated: str
    found: str

    def __str__(self) -> str:
        return f"{self.where}: the bundle says {self.stated}, and {self.found} was found."


@dataclass(slots=True)
class Findings:
    """Checks by name in the order in which they were begun, and differences, DIFFERENCES_MAX at most."""

    checks: dict[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    more: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether nothing differed."""
        return not self.differences

    def begin(self, check: str, note: str = "") -> None:
        """List a check, also if it turns out to have nothing to look at; ``note`` says why."""
        self.checks.setdefault(check, 0)
        if note:
            self.notes[check] = note

    def compare(self, check: str, where: str, *, stated: object, found: object) -> bool:
        """Count a comparison and keep it if the two differ; whether they are equal."""
        self.checks[check] = self.checks.get(check, 0) + 1
        if stated == found:
            return True
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(Difference(check, where, str(stated), str(found)))
        else:
            self.more += 1
        return False

    def require(self, check: str, where: str, *, is_met: bool) -> bool:
        """Count a condition of which there are no two numbers, only whether it is met."""
        return self.compare(check, where, stated="met", found="met" if is_met else "not met")

    def failed(self) -> Iterator[str]:
        """The names of the checks that found a difference."""
        yield from dict.fromkeys(difference.check for difference in self.differences)
