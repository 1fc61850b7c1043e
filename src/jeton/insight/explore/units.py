"""Units: what a request, a thousand of them or a million tokens cost, rounded once, half-even."""

from dataclasses import dataclass

from jeton.insight.explore.sums import Sums
from jeton.money import divide_half_even, render_usd

THOUSAND = 1_000
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class UnitCost:
    """A name, a code, and the net amount of one in nano; None where there was none."""

    code: str
    name: str
    nano: int | None


def list_unit_costs(sums: Sums) -> tuple[UnitCost, ...]:
    """The net amount by request, by thousand requests and by million tokens."""
    units = (
        ("request", "Each request", sums.requests, 1),
        ("thousand_requests", "A thousand requests", sums.requests, THOUSAND),
        ("million_tokens", "A million tokens, of every class", sums.tokens, MILLION),
    )
    return tuple(
        UnitCost(code, name, divide_half_even(sums.net_nano * times, count) if count else None)
        for code, name, count, times in units
    )


def list_steps(sums: Sums) -> tuple[tuple[str, int], ...]:
    """From the list amount to what is due, as (code, change in nano): what takes away is below zero."""
    saved = tuple((f"saved_{stage}", -nano) for stage, nano in sums.saved_by_stage.items())
    return (
        ("list", sums.list_nano),
        *saved,
        ("reversed", -sums.reversed_nano),
        ("net", sums.net_nano),
        ("free_credit", -sums.free_credit_nano),
        ("due", sums.due_nano),
    )


def render_units(sums: Sums) -> dict[str, object]:
    """Unit costs and the way from list to due in JSON; exact dollars."""
    return {
        "unit_costs": {
            unit.code: None if unit.nano is None else render_usd(unit.nano) for unit in list_unit_costs(sums)
        },
        "waterfall": [{"step": code, "amount": render_usd(nano)} for code, nano in list_steps(sums)],
    }
