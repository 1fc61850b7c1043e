"""Plan: what was done about a debt and what comes next, as every edge says it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jeton.billing.receivables.dunning.debts import find_debt, list_steps
from jeton.billing.receivables.dunning.deciding import find_next
from jeton.billing.receivables.dunning.words import Debt, DunningTerms, NextStep, TakenStep
from jeton.db.pool import Connection

STEP_NAMES = {"mail": "reminder", "soft_limit": "limited", "stop": "stopped"}


@dataclass(frozen=True, slots=True)
class Plan:
    """``debt`` is None where nothing is due; ``next_step`` is taken if nothing is paid before."""

    debt: Debt | None = None
    steps: Sequence[TakenStep] = ()
    next_step: NextStep | None = None

    @property
    def next_words(self) -> str:
        """The next step in a few words: ``reminder 2 on 2026-11-17``, in the zone of the document."""
        if self.debt is None or self.next_step is None:
            return ""
        step, on = self.next_step.step, _local(self.debt, self.next_step.at).date()
        number = f" {step.step}" if step.kind == "mail" else ""
        return f"{STEP_NAMES[step.kind]}{number} on {on.isoformat()}"


async def read_plan(connection: Connection, document_id: str, terms: DunningTerms, *, at: datetime) -> Plan:
    """What stands about a document at an instant."""
    debt = await find_debt(connection, document_id)
    steps = (await list_steps(connection, [document_id]))[document_id]
    return make_plan(debt, steps, terms, at=at)


def make_plan(debt: Debt | None, steps: Sequence[TakenStep], terms: DunningTerms, *, at: datetime) -> Plan:
    """The same, of what was read."""
    return Plan(debt, steps, None if debt is None else find_next(debt, steps, terms, at=at))


def render_plan(plan: Plan) -> dict[str, object]:
    """As JSON; ``on`` is the day in the zone of the document."""
    paused = None if plan.debt is None else plan.debt.paused_until
    following = None
    if plan.debt is not None and plan.next_step is not None:
        local = _local(plan.debt, plan.next_step.at)
        step = plan.next_step.step
        following = {
            "kind": step.kind,
            "step": step.step,
            "at": plan.next_step.at.isoformat(),
            "on": local.date().isoformat(),
        }
    return {
        "paused_until": None if paused is None else paused.isoformat(),
        "steps": [
            {"kind": one.kind, "step": one.step, "taken_at": one.taken_at.isoformat()} for one in plan.steps
        ],
        "next_step": following,
    }


def _local(debt: Debt, at: datetime) -> datetime:
    return at.astimezone(debt.starts_at(debt.due_on).tzinfo)
