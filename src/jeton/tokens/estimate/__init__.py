"""Estimate: about how many tokens a text is in a family, with an interval, offline and fast.

Owns the packaged calibrations and what reads them. Does not own frames, media or tools; see
``jeton.tokens.counter`` for whole prompts.
"""

from functools import cache
from importlib import resources

from jeton.tokens.estimate.calibration import parse_calibration
from jeton.tokens.estimate.estimator import Estimator

__all__ = ["ESTIMATED_FAMILIES", "Estimator", "load_estimator"]

# Which file a family's estimates are by. Claude 5 models have 4.7's vocabulary in another frame.
_FILES = {
    "claude-3": "claude-3",
    "claude-4.7": "claude-4.7",
    "claude-5": "claude-4.7",
    "o200k": "o200k",
}
ESTIMATED_FAMILIES = tuple(_FILES)


@cache
def load_estimator(family_id: str) -> Estimator | None:
    """The estimator of a family, read once; None for a family without a calibration."""
    name = _FILES.get(family_id)
    if name is None:
        return None
    file = resources.files("jeton.tokens").joinpath("calibration", f"{name}.tokcal")
    return Estimator(parse_calibration(file.read_bytes()), family_id)
