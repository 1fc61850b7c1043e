"""Mutating: puts each mistake of ``mutants.toml`` into a copy of the tree; its tests must fail.

    python -m tests.chaos.mutating [--only WORDS] [--json]

The copy lies in a temporary folder; the tree itself is never touched.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.reporting import complain, report, show_progress

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = Path(__file__).with_name("mutants.toml")
COPIED = ("src", "tests")
TEST_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake: what is written where in place of what, and the tests that must notice."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def read_mutants() -> list[Mutant]:
    """All of them, in the order of the file."""
    content = tomllib.loads(MUTANTS.read_text(encoding="utf-8"))
    tests = {name: tuple(paths) for name, paths in content["tests"].items()}
    return [Mutant(**{**one, "tests": tests[one["tests"]]}) for one in content["mutant"]]


def run_tests(folder: Path, paths: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """The tests of a copy, on the sources of that copy, up to the first failure."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *paths]
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=TEST_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "FAILED: it hangs", "")


def is_caught(folder: Path, mutant: Mutant) -> bool:
    """Whether the tests of a mutant fail with it; SystemExit where its place is not found."""
    path = folder / mutant.file
    sound = path.read_text(encoding="utf-8")
    if sound.count(mutant.old) != 1:
        raise SystemExit(
            f"{mutant.name}: {mutant.file} has its text {sound.count(mutant.old)} times, not once."
        )
    path.write_text(sound.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        return run_tests(folder, mutant.tests).returncode == 1
    finally:
        path.write_text(sound, encoding="utf-8")


def main() -> None:
    """Try every mutant and print which survived; 1 as exit code if one did."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="mutants with one of these texts, ',' between them")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    texts = chosen.only.split(",")
    mutants = [mutant for mutant in read_mutants() if any(text in mutant.name for text in texts)]
    survivors = []
    with tempfile.TemporaryDirectory(prefix="jeton-mutants-") as name:
        folder = Path(name)
        for part in COPIED:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        for paths in dict.fromkeys(mutant.tests for mutant in mutants):
            sound = run_tests(folder, paths)
            if sound.returncode:
                raise SystemExit(f"{paths} fail without any mutant:\n{sound.stdout[-3000:]}")
        for number, mutant in enumerate(mutants, start=1):
            show_progress(f"{number} of {len(mutants)}: {mutant.name}")
            if not is_caught(folder, mutant):
                survivors.append(mutant.name)
                complain(f"survived: {mutant.name}")
    figures = {"mutants": len(mutants), "caught": len(mutants) - len(survivors), "survived": survivors}
    report(figures, is_json=chosen.json)
    raise SystemExit(1 if survivors else 0)


if __name__ == "__main__":
    main()
