"""The documentation's examples do what they say: each is run as its page shows it, against a real server.

An example is a piece of code to choose from: fences that follow each other, in several languages.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.node.installing import install_sdk
from tests.e2e.serving import ServerProcess, serving

from jeton.site.documents import Documents
from jeton.site.documents.address import fill_address
from jeton.site.documents.rendering import parse_markdown
from jeton.site.documents.tabs import LANGUAGES, list_groups

RUN_TIMEOUT_S = 120


def examples(language: str) -> list[tuple[str, str]]:
    """Name and code of every example in a language."""
    found = []
    for document in Documents().list():
        groups = [group for group in list_groups(parse_markdown(document.source)[0]) if len(group) > 1]
        for number, group in enumerate(groups, 1):
            found += [(f"{document.slug} {number}", t.content) for t in group if t.info.strip() == language]
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server in rehearsal, so that every model answers."""
    with serving(tmp_path_factory.mktemp("examples") / "data") as started:
        yield started


def run(server: ServerProcess, command: list[str], folder: Path) -> str:
    """What a command printed; it must succeed."""
    # curl's own setting, so that an error of the API is an error of the example.
    (folder / ".curlrc").write_text("fail-with-body\n", "utf-8")
    keys = {name: value for name, value in server.demo.items() if name != "ANTHROPIC_BASE_URL"}
    environment = {**os.environ, **keys, "CURL_HOME": str(folder)}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
        env=environment,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_example_is_in_every_language() -> None:
    names = {language: [name for name, _ in examples(language)] for language in LANGUAGES}
    assert names["sh"] == names["python"] == names["typescript"]
    assert len(names["sh"]) >= 8


@pytest.mark.parametrize(("name", "code"), examples("sh"), ids=[name for name, _ in examples("sh")])
def test_curl(server: ServerProcess, tmp_path: Path, name: str, code: str) -> None:
    shown = fill_address(code, server.base_url)
    assert run(server, ["bash", "-euo", "pipefail", "-c", shown], tmp_path).strip(), name


@pytest.mark.parametrize(("name", "code"), examples("python"), ids=[name for name, _ in examples("python")])
def test_python(server: ServerProcess, tmp_path: Path, name: str, code: str) -> None:
    shown = fill_address(code, server.base_url)
    assert run(server, [sys.executable, "-c", shown], tmp_path).strip(), name


@pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="node or npm is not installed here"
)
@pytest.mark.parametrize(
    ("name", "code"), examples("typescript"), ids=[name for name, _ in examples("typescript")]
)
def test_typescript(server: ServerProcess, name: str, code: str) -> None:
    """Without types to strip, so that any Node runs it as it is."""
    folder = install_sdk()
    file = folder / f"{name.replace(' ', '-')}.mjs"
    file.write_text(fill_address(code, server.base_url), "utf-8")
    assert run(server, ["node", str(file)], folder).strip(), name
