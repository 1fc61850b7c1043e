"""Jeton: the commercial layer of an LLM API."""

import tomllib
from importlib.metadata import version
from pathlib import Path


def find_version() -> str:
    """The version: of the clone that this file lies in, else of the installed package."""
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    if project.exists():
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
    return version("jeton")
