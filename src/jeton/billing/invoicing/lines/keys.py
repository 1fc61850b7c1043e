"""Keys: what a line bills, as text that is the same in every document.

What was billed so far of a period is summed by key, so late usage is the difference to what the key comes to
now. A key says all that its line's rate follows from.
"""

from dataclasses import astuple, dataclass
from typing import Self

from jeton.billing.words import LineKind

_SIGN = "|"
USAGE = "usage"
REVERSED = "reversed"
COMMIT = "commit"
# What a re-rating found to be too little, by its id and the price that it is at.
SUPPLEMENT = "supplement"
TRUE_UP = "true_up"
MINIMUM = "minimum"
CREDIT_FREE = "credit|free"
CREDIT_PREPAID = "credit|prepaid"
CREDIT = "credit"
# What credit paid that is taxed at its use; the keys of ``billing.words`` begin so.
VOUCHER = "voucher"


@dataclass(frozen=True, slots=True)
class UsageKey:
    """One bucket of what was used alike, under one price version and one agreement ("" for none)."""

    workspace_id: str
    model: str
    service_tier: str
    inference_geo: str
    speed: str
    context_window: str
    bucket: str
    price_version_id: str
    terms_id: str

    def __str__(self) -> str:
        # Written out, since a closing makes a hundred thousand of them.
        return (
            f"{USAGE}|{self.workspace_id}|{self.model}|{self.service_tier}|{self.inference_geo}|{self.speed}"
            f"|{self.context_window}|{self.bucket}|{self.price_version_id}|{self.terms_id}"
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """The exact inverse of ``str``; ValueError for another key."""
        kind, *parts = text.split(_SIGN)
        if kind != USAGE or len(parts) != len(cls.__slots__):
            message = f"{text!r} is no key of usage"
            raise ValueError(message)
        return cls(*parts)


@dataclass(frozen=True, slots=True)
class ReversedKey:
    """What was reversed of what was used alike, whatever its bucket."""

    workspace_id: str
    model: str
    service_tier: str
    inference_geo: str
    speed: str
    context_window: str

    def __str__(self) -> str:
        return _SIGN.join((REVERSED, *astuple(self)))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The exact inverse of ``str``; ValueError for another key."""
        kind, *parts = text.split(_SIGN)
        if kind != REVERSED or len(parts) != len(cls.__slots__):
            message = f"{text!r} is no key of reversals"
            raise ValueError(message)
        return cls(*parts)


def render_conditions(key: UsageKey | ReversedKey) -> str:
    """How it ran where that is not the usual way: ``batch, us, fast, 200k-1M``."""
    unusual = (
        (key.service_tier, "standard"),
        (key.inference_geo, "global"),
        (key.speed, "standard"),
        (key.context_window, "0-200k"),
    )
    return ", ".join(value for value, usual in unusual if value != usual)


def kind_of(key: str) -> str:
    """The first word of a key: usage, reversed, credit, voucher, commit, supplement, true_up or minimum."""
    return key.partition(_SIGN)[0]


def line_kind(key: str, *, is_late: bool) -> LineKind:
    """The kind of the line for a key: what was used in an earlier period is an adjustment."""
    match kind_of(key):
        case "usage":
            return "adjustment" if is_late else "usage"
        case "reversed" | "supplement":
            return "adjustment"
        case "commit":
            return "commit"
        case "true_up":
            return "true_up"
        case "minimum":
            return "minimum"
        case _:
            return "credit"
