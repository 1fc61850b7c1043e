"""Mutating: puts each mistake of ``mutants.toml`` into a copy of the tree; its tests must fail.

    python -m tests.chaos.mutating [--only WORDS] [--processes 2] [--json]

Each process has a copy of its own in a temporary folder; the tree itself is never touched.
"""

import argparse
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.reporting import complain, report, show_progress

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = Path(__file__).with_name("mutants.toml")
COPIED = ("src", "tests")
TEST_TIMEOUT_S = 300
HANGS = "by taking too long"
_FAILED = re.compile(r"^FAILED (.+?)(?: - |$)", re.MULTILINE)


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


def find_misfits(mutants: Sequence[Mutant]) -> list[str]:
    """The names of those whose place is not in the tree, or is there more than once."""
    return [one.name for one in mutants if (ROOT / one.file).read_text(encoding="utf-8").count(one.old) != 1]


def run_tests(folder: Path, paths: tuple[str, ...], *, timeout_s: float) -> subprocess.CompletedProcess[str]:
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
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, f"FAILED {HANGS}", "")


def find_killer(folder: Path, mutant: Mutant, *, timeout_s: float) -> str:
    """The test that fails with a mutant, "" if none does.

    A test that cannot even begin proves nothing: the mutant may only be broken SQL.
    """
    path = folder / mutant.file
    sound = path.read_text(encoding="utf-8")
    path.write_text(sound.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        ended = run_tests(folder, mutant.tests, timeout_s=timeout_s)
    finally:
        path.write_text(sound, encoding="utf-8")
    failed = _FAILED.search(ended.stdout) if ended.returncode == 1 else None
    return failed[1] if failed else ""


def copy_tree(folder: Path) -> Path:
    """What the tests need, in a new folder."""
    for part in COPIED:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def find_killers(mutants: Sequence[Mutant], folders: Sequence[Path], *, timeout_s: float) -> dict[str, str]:
    """By the name of each mutant the test that noticed it, or ""; SystemExit where tests fail without any."""
    free: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for folder in folders:
        free.put(folder)

    def prove_sound(paths: tuple[str, ...]) -> str:
        folder = free.get()
        try:
            ended = run_tests(folder, paths, timeout_s=timeout_s)
        finally:
            free.put(folder)
        return f"{paths} fail without any mutant:\n{ended.stdout[-3000:]}" if ended.returncode else ""

    def try_one(mutant: Mutant) -> str:
        folder = free.get()
        try:
            return find_killer(folder, mutant, timeout_s=timeout_s)
        finally:
            free.put(folder)

    killers = {}
    with ThreadPoolExecutor(len(folders)) as threads:
        for problem in threads.map(prove_sound, dict.fromkeys(mutant.tests for mutant in mutants)):
            if problem:
                raise SystemExit(problem)
        tried = {threads.submit(try_one, mutant): mutant.name for mutant in mutants}
        for number, done in enumerate(as_completed(tried), start=1):
            killers[tried[done]] = done.result()
            show_progress(f"{number} of {len(mutants)}")
            complain(f"{tried[done]}: {done.result() or 'SURVIVED'}")
    return killers


def main() -> None:
    """Try every mutant and print which survived; 1 as exit code if one did."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="mutants with one of these texts, ',' between them")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--timeout-s", type=float, default=TEST_TIMEOUT_S, help="longer, and tests hang")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    texts = chosen.only.split(",")
    mutants = [mutant for mutant in read_mutants() if any(text in mutant.name for text in texts)]
    misfits = find_misfits(mutants)
    if misfits:
        raise SystemExit(f"These have no place in the tree any more: {', '.join(misfits)}.")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jeton-mutants-") as name:
        folders = [copy_tree(Path(name) / str(number)) for number in range(chosen.processes)]
        killers = find_killers(mutants, folders, timeout_s=chosen.timeout_s)
    survivors = [name for name, killer in killers.items() if not killer]
    figures = {
        **{name: f"caught: {killer}" if killer else "survived" for name, killer in killers.items()},
        "mutants": len(mutants),
        "caught": len(mutants) - len(survivors),
        "caught since they hang": sum(killer == HANGS for killer in killers.values()),
        "seconds": round(time.monotonic() - started),
    }
    report(figures, is_json=chosen.json)
    raise SystemExit(1 if survivors else 0)


if __name__ == "__main__":
    main()
