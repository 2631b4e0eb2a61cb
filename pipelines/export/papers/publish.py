"""An export appears at once: staged in a hidden folder beside the place where it will lie, and renamed when whole."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pipelines.guard import Guard, failed_write
from pipelines.scratch import sweep
from schemas.errors import BusyError, CotmonitorError

DATA = "data"
MANIFEST = "manifest.json"
CERTIFICATE = "certificate.json"
DEAD_LETTERS = "dead_letters.jsonl"
FILES = (MANIFEST, CERTIFICATE, DEAD_LETTERS)


@dataclass(frozen=True, slots=True)
class Staging:
    """Where one attempt works: `out` becomes the export, `work` holds all that is only needed on the way."""

    guard: Guard
    target: Path
    attempt: Path

    @property
    def out(self) -> Path:
        return self.attempt / "out"

    @property
    def data(self) -> Path:
        return self.out / DATA

    @property
    def work(self) -> Path:
        return self.attempt / "work"

    @property
    def spill(self) -> Path:
        return self.work / "spill"

    def publish(self) -> None:
        """Give the whole folder its name; raises BusyError where somebody else was faster."""
        if os.path.lexists(self.target):
            raise _taken(self.target)
        sweep(self.data)
        try:
            self.guard.rename(self.out, self.target)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise _taken(self.target) from None
            raise failed_write(self.target, error) from error
        contracts_page(self.target).unlink(missing_ok=True)  # of an attempt before, which holds no longer


@contextmanager
def staging(guard: Guard, target: Path) -> Iterator[Staging]:
    """A fresh place to stage an export to `target`, on the same file system, gone at the end.

    What a killed attempt left is removed first. Raises BusyError while another attempt is at work.
    """
    folder = staging_folder(target)
    guard.folder(folder.parent)
    handle = _locked(guard, folder)
    try:
        for left in sorted(folder.iterdir()):
            shutil.rmtree(left, ignore_errors=True)
        # each attempt has a name of its own: workers of a killed one may live for another second
        attempt = _made(folder)
        staged = Staging(guard, target, attempt)
        for needed in (staged.data, staged.spill):
            guard.folder(needed)
        yield staged
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # and with it the lock
        os.close(handle)


def tidy(guard: Guard, target: Path) -> None:
    """Remove what an attempt left that was killed just after it had published, unless one is at work there now."""
    folder = staging_folder(target)
    if not folder.exists():
        return
    with suppress(CotmonitorError):  # it is in nobody's way
        handle = _locked(guard, folder)
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def staging_folder(target: Path) -> Path:
    return target.with_name(f".{target.name}.exporting")


def contracts_page(target: Path) -> Path:
    """Where a failed export leaves its figures."""
    return target.with_name(f"{target.name}.contracts.html")


def _made(folder: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="attempt-", dir=folder))
    except OSError as error:
        raise failed_write(folder, error) from error


def _locked(guard: Guard, folder: Path) -> int:
    """An open handle on the staging folder, which nobody else has locked."""
    while True:
        guard.folder(folder)
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise BusyError(
                f"{folder}: another export to the same folder is at work. Wait for it, or end it."
            ) from None
        if _same(handle, folder):
            return handle
        os.close(handle)  # it was removed, and perhaps made again, before we had the lock


def _same(handle: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(folder))
    except FileNotFoundError:
        return False


def _taken(target: Path) -> CotmonitorError:
    return BusyError(f"{target}: appeared while it was being exported. Run again to see whether it is the same export.")
