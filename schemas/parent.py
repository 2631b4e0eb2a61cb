"""A process that works for another should not outlive it."""

from __future__ import annotations

import os
import threading
import time

LOOK_SECONDS = 0.5


def end_with_parent() -> None:
    """Watch, from now on, whether this process' parent is still there, and end at once when it is not.

    The end of a pipe says the same, but only to a process that is reading from it.
    """
    threading.Thread(target=_watch, args=[os.getppid()], name="end with the parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)
