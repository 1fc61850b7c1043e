"""Calibrate: fit the estimator's packaged data anew; a run of an hour on one core.

    python bench/calibrate.py label LABELS --prose DIR --catalogues DIR --code DIR [--code DIR ...]
    python bench/calibrate.py fit LABELS claude-4.7 src/jeton/tokens/calibration
    python bench/calibrate.py runs claude-4.7 src/jeton/tokens/calibration

``label`` reads the texts (see ``calibrating.corpus``), counts them and writes one file of labels,
with a manifest of digests beside it. ``fit`` leaves whole languages, kinds of source file and
documents out, fits, levels, prints how well it did on what was left out and takes the interval from
it; then it fits all texts and writes the family's ``.tokcal``. ``runs`` levels long white space and
rulers in a ``.tokcal``, once after each fit.

Needs ``scipy`` and, for Claude's families, ``ctok``; neither is a dependency of Jeton.
"""

import argparse
import json
import pickle
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path

import numpy as np
from calibrating.corpus import Document, list_runs, read_catalogues, read_code, read_prose, summarize
from calibrating.cutting import cut_text, find_owners
from calibrating.fitting import Fitted, Labelled, fit_weights, level
from calibrating.holdouts import find_part
from calibrating.labels import ClaudeLabels, label_o200k, prepare
from calibrating.leveling import find_offsets
from calibrating.limits import REST_TOKENS, find_high, fit_bands, has_unfitted_script
from calibrating.runs import tune_runs
from calibrating.windows import HEADING, SIZES, Window, list_windows, render_report

from jeton.tokens.estimate.calibration import FORMAT, pack_weights
from jeton.tokens.estimate.pairs import PairTables, build_tables
from jeton.tokens.exact import count_text
from jeton.tokens.families import find_family

# Families by their labels: the tokenizer, and what kind of truth its counts are.
TOKENIZERS = {"claude-3": "v3", "claude-4.7": "v4.7", "o200k": ""}
KINDS = {"claude-3": "reconstructed", "claude-4.7": "reconstructed", "o200k": "exact"}


@dataclass(frozen=True, slots=True)
class Labels:
    """A text and its segments' tokens in each family."""

    source: str
    group: str
    name: str
    text: str
    costs: dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]]


def main() -> None:
    """Run the command that is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    label = commands.add_parser("label")
    label.add_argument("labels", type=Path)
    for name in ("--prose", "--catalogues", "--code"):
        label.add_argument(name, type=Path, action="append", default=[])
    fit = commands.add_parser("fit")
    fit.add_argument("labels", type=Path)
    fit.add_argument("family", choices=TOKENIZERS)
    fit.add_argument("folder", type=Path)
    runs = commands.add_parser("runs")
    runs.add_argument("family", choices=TOKENIZERS)
    runs.add_argument("folder", type=Path)
    asked = parser.parse_args()
    if asked.command == "runs":
        _tune_runs(asked.family, asked.folder)
    elif asked.command == "label":
        _label(asked.labels, asked.prose, asked.catalogues, asked.code)
    else:
        _fit(asked.labels, asked.family, asked.folder)


def _tune_runs(family: str, folder: Path) -> None:
    path = folder / f"{family}.tokcal"
    count = count_text
    if TOKENIZERS[family]:
        labels = ClaudeLabels(TOKENIZERS[family])

        def count(text: str) -> int:
            return int(sum(labels.label(prepare(text))[1]))

    path.write_bytes(tune_runs(path.read_bytes(), family, count))


def _label(target: Path, prose: list[Path], catalogues: list[Path], code: list[Path]) -> None:
    documents = [
        *chain.from_iterable(map(read_prose, prose)),
        *chain.from_iterable(map(read_catalogues, catalogues)),
        *read_code(code),
        *list_runs(),
    ]
    manifest = json.dumps(summarize(documents), indent=0, ensure_ascii=False)
    target.with_suffix(".manifest.json").write_text(manifest + "\n", encoding="utf-8")
    with target.open("wb") as file:
        for labels in _count(documents):
            pickle.dump(labels, file)


def _count(documents: list[Document]) -> Iterator[Labels]:
    claude = {family: ClaudeLabels(version) for family, version in TOKENIZERS.items() if version}
    spaced, by_space = build_tables(by_space=False), build_tables(by_space=True)
    for document in documents:
        text = prepare(document.text)
        if not text:
            continue
        cut = cut_text(text, spaced)
        costs = {}
        for family, labels in claude.items():
            positions, counts = labels.label(text)
            owners = find_owners(cut, positions, spaced)
            found = np.bincount(owners, weights=counts, minlength=len(cut.lasts))
            costs[family] = found.astype(np.float32)
        # A token of o200k may begin with the space of the word it is of: its last byte tells.
        cut = cut_text(text, by_space)
        owners = find_owners(cut, label_o200k(text), by_space)
        costs["o200k"] = np.bincount(owners, minlength=len(cut.lasts)).astype(np.float32)
        yield Labels(document.source, document.group, document.name, text, costs)


def _read(source: Path, family: str) -> Iterator[Labelled]:
    with source.open("rb") as file:
        while True:
            try:
                # Written by this script, a moment ago, on this machine.
                labels: Labels = pickle.load(file)  # noqa: S301 (our own file)
            except EOFError:
                return
            yield Labelled(labels.source, labels.group, labels.name, labels.text, labels.costs[family])


def _fit(source: Path, family: str, folder: Path) -> None:
    texts = list(_read(source, family))
    parts: dict[str, list[Labelled]] = defaultdict(list)
    for text in texts:
        parts[find_part(text.source, text.group, text.name)].append(text)
    tables = build_tables(by_space=family == "o200k")
    held = fit_weights(parts["fitted"], tables, None)
    windows = _list_windows(parts, held, tables)
    offsets = find_offsets(
        [window for found in windows.values() for window in found if window.odd_bytes == 0]
    )
    windows = _list_windows(parts, level(held, offsets), tables)
    fitted = level(fit_weights(texts, tables, held.solution), offsets)
    manifest = source.with_suffix(".manifest.json").read_bytes()
    write_calibration(family, fitted, windows, manifest, folder)


def _list_windows(
    parts: dict[str, list[Labelled]], held: Fitted, tables: PairTables
) -> dict[str, list[Window]]:
    windows: dict[str, list[Window]] = defaultdict(list)
    for part, found in parts.items():
        for text in found if part != "fitted" else ():
            for window in list_windows(text, held.weights, tables):
                windows["unseen script" if has_unfitted_script(window) else part].append(window)
    return windows


def write_calibration(
    family: str, fitted: Fitted, windows: dict[str, list[Window]], manifest: bytes, folder: Path
) -> None:
    """Print how well the held-out windows were estimated, and write the family's ``.tokcal``."""
    known = find_family(family)
    if known is None:
        raise SystemExit(f"{family} is no family.")
    cap = known.tokens_per_byte
    bands = fit_bands(chain.from_iterable(windows.values()), family)
    print(HEADING)
    measured = {}
    for part, found in sorted(windows.items()):
        for size in SIZES:
            chosen = [window for window in found if window.size == size]
            if chosen:
                print(
                    render_report(
                        f"{part} {size}", chosen, lambda window: find_high(window, bands, float(cap))
                    )
                )
                errors = np.abs([window.error for window in chosen])
                measured[f"{part} {size}"] = {
                    "windows": len(chosen),
                    "mean_percent": round(100 * errors.mean(), 2),
                }
    header = {
        "format": FORMAT,
        "family": family,
        "labels": KINDS[family],
        "manifest": sha256(manifest).hexdigest(),
        "by_space": family == "o200k",
        "bands": bands,
        "rest": REST_TOKENS,
        "cap": [cap.numerator, cap.denominator],
        "measured": measured,
    }
    content = json.dumps(header, sort_keys=True).encode() + b"\n" + pack_weights(fitted.weights)
    (folder / f"{family}.tokcal").write_bytes(content)
    print(f"{family}: {len(content):,} bytes, bands {bands}")


if __name__ == "__main__":
    main()
