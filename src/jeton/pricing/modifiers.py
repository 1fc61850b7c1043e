"""Modifiers: what an organization has beyond the published prices: named factors, and rates of its own."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from jeton.errors import InvalidInputError
from jeton.usage import Bucket

NAME_CHARACTERS_MAX = 100

Tier = Literal["standard", "batch", "fast"]


@dataclass(frozen=True, slots=True)
class AgreedRate:
    """A rate of one's own: nano-dollars per million tokens (searches: per thousand) of a bucket in a tier.

    ``band_id`` "" is prompts of every length. The surcharge of a geography comes on top.
    """

    tier: Tier
    bucket: Bucket
    rate: int
    band_id: str = ""


@dataclass(frozen=True, slots=True)
class Modifier:
    """A factor on the rate: 4/5 is 20 % off. ``models`` or ``buckets`` None means every one.

    A bucket in ``rates`` has that rate, whatever the factor says. Without a factor (None, only beside
    rates) a cache bucket follows the rate of ``input``, and others keep the published one. Raises
    InvalidInputError for a negative factor or rate or a name that no receipt could show.
    """

    name: str
    factor: Fraction | None
    models: frozenset[str] | None = None
    buckets: frozenset[Bucket] | None = None
    rates: tuple[AgreedRate, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would pay the organization for its usage, or says nothing."""
        if self.factor is None and not self.rates:
            message = f"The modifier {self.name!r} has neither a factor nor rates."
            raise InvalidInputError(message)
        if self.factor is not None and self.factor < 0:
            message = f"The factor of the modifier {self.name!r} is negative; use 0 or more."
            raise InvalidInputError(message)
        if any(agreed.rate < 0 for agreed in self.rates):
            message = f"A rate of the modifier {self.name!r} is negative; use 0 or more."
            raise InvalidInputError(message)
        if not 0 < len(self.name) <= NAME_CHARACTERS_MAX:
            message = f"The name of a modifier has 1 to {NAME_CHARACTERS_MAX} characters."
            raise InvalidInputError(message)

    def __hash__(self) -> int:
        """By name, which tells the modifiers of one request apart; rates are kept by conditions."""
        return hash(self.name)

    def is_applicable(self, model: str, bucket: Bucket) -> bool:
        """Whether it changes the rate of this bucket of this model."""
        return (self.models is None or model in self.models) and (
            self.buckets is None or bucket in self.buckets
        )

    def find_rate(self, tier: Tier, band_id: str, bucket: Bucket) -> int | None:
        """The rate of a bucket in a tier; that of its own prompt length before that of every length."""
        of_any = None
        for agreed in self.rates:
            if (agreed.tier, agreed.bucket) == (tier, bucket):
                if agreed.band_id == band_id:
                    return agreed.rate
                if not agreed.band_id:
                    of_any = agreed.rate
        return of_any
