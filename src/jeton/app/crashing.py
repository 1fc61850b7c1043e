"""Crashing: for tests, the points at which a process ends itself as a power cut would."""

import os
import signal
from collections.abc import Callable


def make_checkpoint(crash_at: str) -> Callable[[str], None]:
    """What is called with the name of each point that is passed: SIGKILL at ``crash_at``, else nothing."""

    def checkpoint(label: str) -> None:
        if label == crash_at:
            os.kill(os.getpid(), signal.SIGKILL)

    return checkpoint
