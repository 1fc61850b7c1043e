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


@dataclass(frozen=True, slots=True)
class Active:
    """How many end users and tags had a settled request, and the net amount (nano) of requests that name one.

    None: there are too many to be counted in passing.
    """

    end_users: int | None = 0
    end_users_nano: int = 0
    tags: int | None = 0
    tags_nano: int = 0


NOBODY = Active()


def list_unit_costs(sums: Sums, active: Active = NOBODY) -> tuple[UnitCost, ...]:
    """The net amount by request, by thousand requests, by million tokens, and by end user and tag."""
    net_nano = sums.net_nano
    units = (
        ("request", "Each request", net_nano, sums.requests),
        ("thousand_requests", "A thousand requests", net_nano * THOUSAND, sums.requests),
        ("million_tokens", "A million tokens, of every class", net_nano * MILLION, sums.tokens),
        ("active_end_user", "Each active end user", active.end_users_nano, active.end_users),
        ("tag", "Each tag", active.tags_nano, active.tags),
    )
    return tuple(
        UnitCost(code, name, divide_half_even(nano, count) if count else None)
        for code, name, nano, count in units
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


def render_units(sums: Sums, active: Active = NOBODY) -> dict[str, object]:
    """Unit costs and the way from list to due in JSON; exact dollars."""
    return {
        "unit_costs": {
            unit.code: None if unit.nano is None else render_usd(unit.nano)
            for unit in list_unit_costs(sums, active)
        },
        "active_end_users": active.end_users,
        "tags_used": active.tags,
        "waterfall": [{"step": code, "amount": render_usd(nano)} for code, nano in list_steps(sums)],
    }
