"""Runs: long white space and rulers, which are rare in texts, are weighed by texts made of nothing else.

Their segments are longer than the table knows, so they are guessed by pairs of one character with itself,
and ridge regression makes those too small. What is to be added to them is found on windows made by chance.
"""

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from jeton.tokens.estimate.calibration import pack_weights, parse_calibration
from jeton.tokens.estimate.estimator import Estimator
from jeton.tokens.estimate.pairs import mix_units
from jeton.tokens.estimate.weighing import Tables, find_pair_slots, make_tables

BLANKS = " \t\n\r"
RULERS = "-=_*#~.+"
WINDOWS = 200
WINDOW_CHARS = 1_000
BLANKS_MAX, RULER_MIN, RULER_MAX = 200, 20, 80
ADDED_MAX = 8
_SEED = 20261123

CountText = Callable[[str], int]


def tune_runs(content: bytes, family: str, count: CountText) -> bytes:
    """A ``.tokcal`` again, with the weights of pairs in runs raised to what ``count`` makes of runs."""
    order = random.Random(_SEED)  # noqa: S311 (no secret: which windows)
    added = {"blanks": 0, "rulers": 0}
    for name, make in (("blanks", _make_blanks), ("rulers", _make_rulers)):
        texts = [make(order) for _ in range(WINDOWS)]
        truths = [count(text) for text in texts]
        errors = {
            units: _find_error(_raise(content, {**added, name: units}), family, texts, truths)
            for units in range(ADDED_MAX + 1)
        }
        added[name] = min(errors, key=lambda units: abs(errors[units]))
        print(f"{family}, {name}: {added[name]}/256 a pair", {k: f"{e:+.1%}" for k, e in errors.items()})
    return _raise(content, added)


def _raise(content: bytes, added: dict[str, int]) -> bytes:
    """The calibration with so many 256ths of a token more for each pair in a run."""
    line, _, _ = content.partition(b"\n")
    calibration = parse_calibration(content)
    tables = calibration.tables
    pairs = tables.weights.pairs.copy()
    blanks = {_find_slot(tables, first, second) for first in BLANKS for second in BLANKS}
    rulers = {_find_slot(tables, unit, unit) for unit in RULERS}
    pairs[list(blanks)] += added["blanks"]
    pairs[list(rulers)] += added["rulers"]
    weights = replace(tables.weights, pairs=pairs)
    header = json.loads(line)
    header["measured"] = {**header["measured"], "added_in_runs": added}
    return json.dumps(header, sort_keys=True).encode() + b"\n" + pack_weights(weights)


def _find_slot(tables: Tables, first: str, second: str) -> int:
    units = np.array([ord(first), ord(second)] * 2, dtype=np.uint16)
    return int(find_pair_slots(mix_units(units, tables.cutting))[0])


def _find_error(content: bytes, family: str, texts: Sequence[str], truths: Iterable[int]) -> float:
    calibration = parse_calibration(content)
    weights, by_space = calibration.tables.weights, calibration.tables.cutting.by_space
    ready = replace(calibration, tables=make_tables(weights, by_space=by_space))
    estimator = Estimator(ready, family)
    pairs = zip(texts, truths, strict=True)
    return float(np.mean([(estimator.estimate(text).value - truth) / truth for text, truth in pairs]))


def _make_blanks(order: random.Random) -> str:
    made = ""
    while len(made) < WINDOW_CHARS:
        made += order.choice(["\n", "{", "}", "//", "x"]) + "\t" * order.randrange(6)
        made += " " * order.randint(1, BLANKS_MAX)
    return made


def _make_rulers(order: random.Random) -> str:
    made = ""
    while len(made) < WINDOW_CHARS:
        made += order.choice(RULERS) * order.randint(RULER_MIN, RULER_MAX) + "\n"
    return made
