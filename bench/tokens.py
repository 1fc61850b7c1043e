"""Tokens: how far estimates are off, by language and kind of content, and how fast they are.

    python bench/tokens.py [--texts FOLDER] [--windows N] [--seed N]

FOLDER has texts as KIND/GROUP/file, and may have ``counts.jsonl`` beside them: lines with ``path``,
``start`` and ``end`` (characters), and tokens of one user message in ``claude_3`` and ``claude_4_7``.
Without it the texts are what every machine has: Python's own modules and this project's site. The
truth is rs-bpe's for o200k, ``ctok``'s for Claude's families where it is installed, and else what
``counts.jsonl`` says.

Columns: mean absolute error, its 95th percentile and the worst undercount of a thousand windows, all
in percent; how many windows break the 99.9 % upper limit, in percent, and by how much the limit is
above the truth on average. Speeds are the least times of many calls.
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from parts import token_speeds
from parts.token_rules import RULES
from parts.token_samples import Sample, read_counted, read_folder, read_machine
from parts.token_table import HEADING, Row, render_row
from parts.token_truths import load_truths

from jeton.tokens.estimate import load_estimator
from jeton.tokens.exact import count_text

SIZES = (1_000, 10_000)
ROUNDS = 10


def main() -> None:
    """Print one table per family, then speeds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--windows", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    documents = list(read_machine() if asked.texts is None else read_folder(asked.texts))
    order = random.Random(asked.seed)  # noqa: S311 (no secret: which windows)
    samples = [sample for size in SIZES for sample in _cut(documents, size, asked.windows, order)]
    truths = load_truths()
    for family in ("o200k", "claude-3", "claude-4.7"):
        counted = truths.get(family)
        if counted is not None:
            _show(family, [(sample, counted(sample.text)) for sample in samples])
        elif asked.texts is not None:
            _show(family, read_counted(asked.texts, family))
    _show_speeds(documents)


def _cut(documents: list[Sample], size: int, count: int, order: random.Random) -> Iterable[Sample]:
    """Windows of about ``size`` bytes, each from a document chosen by chance."""
    longer = [document for document in documents if len(document.text) * 2 > size]
    for _ in range(count):
        document = order.choice(longer)
        chars = max(1, size * len(document.text) // len(document.text.encode("utf-8", "replace")))
        start = order.randrange(max(1, len(document.text) - chars))
        yield Sample(document.kind, document.group, document.text[start : start + chars], size)


def _show(family: str, counted: Iterable[tuple[Sample, int]]) -> None:
    estimator = load_estimator(family)
    if estimator is None:
        return
    rows: dict[str, list[Row]] = defaultdict(list)
    rules: dict[str, list[Row]] = defaultdict(list)
    for sample, truth in counted:
        if truth < 20:
            continue
        count = estimator.estimate(sample.text)
        row = Row(truth, count.value, count.low, count.high)
        for cell in (f"all {sample.size}", f"{sample.kind} {sample.size}", f"{sample.kind}/{sample.group}"):
            rows[cell].append(row)
        for name, rule in (RULES | {"o200k, as of tiktoken": count_text}).items():
            value = rule(sample.text)
            rules[name].append(Row(truth, value, value, value))
    print(f"\n{family} by {estimator.calibration.calibration_id}")
    print(HEADING)
    for cell, found in sorted(rows.items()):
        print(render_row(cell, found))
    for name, found in rules.items():
        if not (family == "o200k" and name.startswith(family)):
            print(render_row(name, found))


def _show_speeds(documents: list[Sample]) -> None:
    """Least times of many calls, by kind of text, beside other rules."""
    texts: dict[str, str] = defaultdict(str)
    for document in documents:
        texts[document.kind] += document.text + "\n"
    everything = "\n".join(texts.values())
    token_speeds.show_estimates(texts)
    whole = token_speeds.cut_bytes(everything, token_speeds.LONG_BYTES)
    for name, rule in RULES.items():
        print(f"{name}, 200 kB: {token_speeds.find_least_s(rule, whole, ROUNDS) * 1e3:.2f} ms")
    token_speeds.show_exact(everything)
    token_speeds.show_turn(everything)
    token_speeds.show_junk()
    token_speeds.show_loading()


if __name__ == "__main__":
    main()
