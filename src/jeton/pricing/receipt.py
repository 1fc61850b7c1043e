"""Receipt: a rated line as JSON, with every step, so that it can be worked out again by hand."""

from fractions import Fraction

from jeton.money import NANO_PER_USD, render_exact, render_usd
from jeton.pricing.rating import Line, Step


def render_line(line: Line) -> dict[str, object]:
    """A line: rates in dollars per ``per`` units, ``exact`` before its one rounding, amounts in dollars."""
    return {
        "bucket": line.bucket.value,
        "quantity": line.quantity,
        "per": line.per,
        "list_rate": render_usd(line.list_rate),
        "steps": [_render_step(step) for step in line.steps],
        "rate": render_nano(line.rate),
        "exact": render_nano(line.exact),
        "list_amount": render_usd(line.list_nano),
        "net_amount": render_usd(line.net_nano),
    }


def render_nano(nano: Fraction) -> str:
    """An exact number of nano as dollars: a decimal where it ends, else ``numerator/denominator``."""
    return render_exact(nano / NANO_PER_USD)


def _render_step(step: Step) -> dict[str, object]:
    return {
        "stage": step.stage,
        "name": step.name,
        "factor": render_exact(step.factor),
        "explicit_rate": None if step.explicit_rate is None else render_usd(step.explicit_rate),
        "rate": render_nano(step.rate),
        "reduction": render_usd(step.reduction_nano),
    }
