"""Modifiers: named factors on a price that an organization has beyond the published ones."""

from dataclasses import dataclass
from fractions import Fraction

from jeton.errors import InvalidInputError
from jeton.usage import Bucket

NAME_CHARACTERS_MAX = 100


@dataclass(frozen=True, slots=True)
class Modifier:
    """A factor on the rate: 4/5 is 20 % off. ``models`` or ``buckets`` None means every one.

    Raises InvalidInputError for a negative factor or a name that no receipt could show.
    """

    name: str
    factor: Fraction
    models: frozenset[str] | None = None
    buckets: frozenset[Bucket] | None = None

    def __post_init__(self) -> None:
        """Refuse a factor that would pay the organization for its usage."""
        if self.factor < 0:
            message = f"The factor of the modifier {self.name!r} is negative; use 0 or more."
            raise InvalidInputError(message)
        if not 0 < len(self.name) <= NAME_CHARACTERS_MAX:
            message = f"The name of a modifier has 1 to {NAME_CHARACTERS_MAX} characters."
            raise InvalidInputError(message)

    def is_applicable(self, model: str, bucket: Bucket) -> bool:
        """Whether it changes the rate of this bucket of this model."""
        return (self.models is None or model in self.models) and (
            self.buckets is None or bucket in self.buckets
        )
