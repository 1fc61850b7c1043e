"""Token samples: texts to estimate, from a folder or from what every machine has."""

import json
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

# What ``counts.jsonl`` counts beside the text: the frame of one user message.
FRAMES = {"claude-3": ("claude_3", 7), "claude-4.7": ("claude_4_7", 11)}
MODULES_MAX = 400


@dataclass(frozen=True, slots=True)
class Sample:
    """A text, its kind and group (language, suffix), and the size it was cut for; 0 for a whole text."""

    kind: str
    group: str
    text: str
    size: int = 0


def read_machine() -> Iterator[Sample]:
    """Python's own modules as code, this project's site as documents."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(folder.glob("*.py"))[:MODULES_MAX]:
        yield Sample("code", "py", path.read_text(encoding="utf-8", errors="replace"))
    for file in resources.files("jeton.site").joinpath("content").iterdir():
        if file.name.endswith(".md"):
            yield Sample("documents", "md", file.read_text(encoding="utf-8"))


def read_folder(folder: Path) -> Iterator[Sample]:
    """Texts of KIND/GROUP/file, in ``folder`` or in its ``text``."""
    root = folder / "text" if (folder / "text").is_dir() else folder
    for path in sorted(root.glob("*/*/*")):
        kind, group = path.relative_to(root).parts[:2]
        yield Sample(kind, group, path.read_text(encoding="utf-8", errors="replace"))


def read_counted(folder: Path, family: str) -> Iterator[tuple[Sample, int]]:
    """Windows that ``counts.jsonl`` has counts of, with the tokens of their text alone."""
    counts = folder / "counts.jsonl"
    if not counts.is_file() or family not in FRAMES:
        return
    column, frame = FRAMES[family]
    for line in counts.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        path = folder / "text" / entry["path"]
        if path.is_file():
            text = path.read_text(encoding="utf-8")[entry["start"] : entry["end"]]
            kind, group = entry["path"].split("/")[:2]
            yield (
                Sample(kind, group, text, 1_000 if entry["bytes"] < 4_000 else 10_000),
                entry[column] - frame,
            )
