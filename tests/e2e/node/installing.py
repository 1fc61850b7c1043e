"""The official SDK of Node, installed once for every test that needs it."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from uuid import uuid4

PROJECT = Path(__file__).parents[3]
SDK = Path(__file__).parent / "sdk"
INSTALL_TIMEOUT_S = 600


def install_sdk() -> Path:
    """The folder with the SDK: in a cache of the project, named by the lock file's digest."""
    digest = hashlib.sha256((SDK / "package-lock.json").read_bytes()).hexdigest()[:16]
    cache = PROJECT / ".cache" / "node-sdk"
    installed = cache / digest
    if not installed.exists():
        # Under another name until it is whole, so that what was cut off is never used.
        started = cache / f"{digest}.{uuid4().hex}"
        started.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SDK / name, started / name)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(
            command, cwd=started, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        try:
            started.rename(installed)
        except OSError:
            # Another worker was quicker.
            shutil.rmtree(started)
            assert installed.exists()
    return installed
