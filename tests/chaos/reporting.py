"""Reporting: what every script of this folder prints: progress on a terminal, then figures or JSON."""

import argparse
import json
import sys
from collections.abc import Mapping


def make_parser(description: str, *, rounds: int, seed: int = 1) -> argparse.ArgumentParser:
    """Options that all scripts have."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=description, formatter_class=formatter)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument(
        "--seed", type=int, default=seed, help="of the first round; each further one has the next"
    )
    parser.add_argument("--json", action="store_true")
    return parser


def show_progress(sentence: str) -> None:
    """Overwrite the line on a terminal; elsewhere say nothing."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{sentence}")
        sys.stderr.flush()


def complain(sentence: str) -> None:
    """Say at once what went wrong, with its seed."""
    sys.stderr.write(f"{sentence}\n")


def report(figures: Mapping[str, object], *, is_json: bool) -> None:
    """The figures, one a line."""
    width = max(map(len, figures))
    lines = "\n".join(f"{name:{width}}  {value}" for name, value in figures.items())
    sys.stdout.write(f"{json.dumps(figures, default=str) if is_json else lines}\n")
