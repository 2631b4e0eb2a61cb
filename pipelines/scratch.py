"""Names for files that are not whole yet, and the removal of those that never will be.

Workers on several machines write into one folder, with process numbers that may be alike; and an engine that tries a
bundle again may do so while the first try is still at work, in another thread of the same process.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path


def scratch_name(name: str) -> str:
    """A hidden name beside `name`, which no other writer uses at the same time.

    >>> scratch_name("part.parquet").startswith(".part.parquet."), scratch_name("part.parquet")[-4:]
    (True, '.tmp')
    """
    return f".{name}.{this_process()}.{threading.get_ident()}.tmp"


def this_process() -> str:
    """This process among those of all machines."""
    return f"{socket.gethostname()}.{os.getpid()}"


def sweep(folder: Path, start: str = "") -> None:
    """Remove the unfinished files of names that begin with `start`: their writers are gone, or too late."""
    with suppress(OSError):
        for left in folder.glob(f".{start}*.tmp"):
            left.unlink(missing_ok=True)
