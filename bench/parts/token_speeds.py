"""Token speeds: least times of many calls, so that what else the machine does counts little."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module

from jeton.tokens.counter.counting import load_counter
from jeton.tokens.engines.packaged import packaged_engines
from jeton.tokens.estimate import load_estimator
from jeton.tokens.prompt import Message, Prompt

LONG_BYTES = 200_000
SHORT_BYTES = 2_000
EXACT_BYTES = 1_000_000
LONG_ROUNDS = 60
SHORT_ROUNDS = 200
TURNS = 100
JUNK = {"a": "a", "spaces": " ", "line feeds": "\n", "dashes": "-", "ideographs": "漢", "pictures": "😀"}
_LOADING = """
import time
from pathlib import Path
import numpy
before = time.process_time()
from jeton.tokens.estimate import load_estimator
for family in ("claude-4.7", "claude-3", "o200k"):
    load_estimator(family)
    most = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
    print(family, time.process_time() - before, int(most) / 1024)
"""


def find_least_s(count: Callable[[str], object], text: str, rounds: int) -> float:
    """The least seconds of a call."""
    least = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        count(text)
        least = min(least, time.perf_counter() - started)
    return least


def cut_bytes(text: str, size: int, start: int = 0) -> str:
    """About ``size`` UTF-8 bytes of a text."""
    return text.encode("utf-8", "replace")[start : start + size].decode("utf-8", "ignore")


def show_estimates(texts: dict[str, str]) -> None:
    """By kind of text: 200 kB at once, and the median of many different texts of 2 kB."""
    print(f"\n{'estimate, least of many calls':40s}{'200 kB, ms':>12s}{'MB/s':>8s}{'2 kB, µs':>12s}")
    for family in ("claude-4.7", "claude-3", "o200k"):
        estimator = load_estimator(family)
        if estimator is None:
            continue
        for name, text in texts.items():
            long = find_least_s(estimator.estimate, cut_bytes(text, LONG_BYTES), LONG_ROUNDS)
            starts = range(
                0, min(len(text.encode("utf-8", "replace")), LONG_BYTES) - SHORT_BYTES, 5 * SHORT_BYTES
            )
            short = sorted(
                find_least_s(estimator.estimate, cut_bytes(text, SHORT_BYTES, start), SHORT_ROUNDS)
                for start in starts
            )
            middle = short[len(short) // 2] if short else float("nan")
            print(f"{family} {name:28s}{long * 1e3:12.2f}{LONG_BYTES / long / 1e6:8.0f}{middle * 1e6:12.1f}")


def show_exact(text: str) -> None:
    """o200k beside rs-bpe called directly, in turns."""
    counters = {engine.family_id: engine.count_text for engine in packaged_engines()}
    bare = import_module("rs_bpe.bpe").openai.o200k_base().count
    ours, theirs = [], []
    whole = cut_bytes(text, EXACT_BYTES)
    for _ in range(10):
        ours.append(find_least_s(counters["o200k"], whole, 1))
        theirs.append(find_least_s(bare, whole, 1))
    size = len(whole.encode())
    ours_speed, bare_speed = (size / min(times) / 1e6 for times in (ours, theirs))
    print(f"\nexact o200k, {size:,} bytes: {ours_speed:.1f} MB/s; rs-bpe alone {bare_speed:.1f}")


def show_turn(text: str) -> None:
    """A turn of 2 kB more on a conversation of 200 kB that was counted before."""
    counter = load_counter(find_estimator=load_estimator)
    turns = [cut_bytes(text, SHORT_BYTES, start) for start in range(0, 2 * LONG_BYTES, SHORT_BYTES)]
    for family in ("o200k", "claude-4.7"):
        messages = [Message("user", turn) for turn in turns[:TURNS]]
        counter.count_prompt(Prompt("", messages), family)
        least = float("inf")
        for turn in turns[TURNS:]:
            prompt = Prompt("", [*messages, Message("user", turn)])
            started = time.perf_counter()
            counter.count_prompt(prompt, family)
            least = min(least, time.perf_counter() - started)
        print(f"a new turn of 2 kB on 200 kB, {family}: {least * 1e3:.2f} ms")


def show_junk(families: Sequence[str] = ("claude-4.7", "o200k")) -> None:
    """A megabyte of one character by estimate."""
    for family in families:
        estimator = load_estimator(family)
        if estimator is not None:
            times = {}
            for name, character in JUNK.items():
                text = character * (EXACT_BYTES // len(character.encode()))
                times[name] = find_least_s(estimator.estimate, text, 3)
            print(f"1 MB of one, {family}, ms: " + ", ".join(f"{k} {v * 1e3:.1f}" for k, v in times.items()))


def show_loading() -> None:
    """Seconds of processor time to load calibrations, and MB resident with Python and numpy, added up."""
    found = subprocess.run([sys.executable, "-c", _LOADING], capture_output=True, text=True, check=True)
    for line in found.stdout.splitlines():
        family, seconds, resident = line.split()
        print(
            f"loaded up to {family}: {float(seconds):.3f} s of a processor, {float(resident):.0f} MB resident"
        )
