"""The one door through which an export reads and writes: it follows links itself and never into a store.

A path is walked name by name from the root, each folder opened from the one before it and looked at for a store's
marker, and what is opened at the end is opened from the last of them. So no link that is swapped between the look and
the opening leads elsewhere. What no walk can see: hard links, bind mounts, and copies of what a store holds.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipelines.inputs import expand
from pipelines.scratch import scratch_name
from schemas.errors import CotmonitorError, Fault, FirewallError, InputError

MARKER = "_cotmonitor_store"  # as in pipelines.store.marker, which an export does not import
LINKS = 40  # followed on the way to one file, as Linux does
SEARCH = getattr(os, "O_PATH", os.O_RDONLY)  # walking through a folder needs no right to list it
ELSEWHERE = "keep what an export reads and writes out of every store's folder"
ONE_FOLDER = "a query over alerts could choose files, so traces are one folder with all below it; use --where to select"


@dataclass(frozen=True, slots=True)
class Guard:
    """Checks, opens and writes paths that lie in, above or beside no store.

    guard.check("out", "--out")          # FirewallError if it is a store, lies in one or holds one
    with guard.open("lake/a.parquet") as file: ...
    """

    def check(self, path: str | os.PathLike[str], what: str) -> Path:
        """The path without links; it need not exist.

        Raises FirewallError where a store is passed on the way, or lies in the folder or anywhere below it, and
        InputError where that cannot be seen.
        """
        with _told(path, what), _reached(path, what) as place:
            resolved = place.resolved
            if place.is_folder:
                _look_below(resolved, path, what)
        return resolved

    def lake(self, root: str, allow_empty: bool = False) -> list[str]:
        """All Parquet files in a folder and below it, sorted; hidden ones left out, each once.

        Raises FirewallError, with all faults at once, for anything that could choose among files: a glob, a file, a
        link that leads out of the folder.
        """
        folder = os.path.expanduser(root)
        if "://" in root:
            raise InputError([Fault(root, None, "remote lakes are not supported yet", "give a local path or mount it")])
        if not os.path.isdir(folder):
            raise _no_folder(root, folder)
        top = self.check(folder, "--traces")
        paths = expand([folder], allow_empty)
        faults: list[Fault] = []
        for path in paths:
            with _told(path, "--traces"):
                resolved = _look_behind(path, "--traces")
            if resolved is not None and not resolved.is_relative_to(top):
                what = f"is reached by a link that leads out of {root}, and a folder of links is a list of files"
                faults.append(Fault(path, None, what, "give the folder where the files lie as --traces"))
        if faults:
            raise FirewallError(faults)
        return paths

    def open(self, path: str | os.PathLike[str], buffering: int = 1 << 16) -> io.BufferedReader:
        """A file to read; raises FirewallError if it lies in a store, else OSError as `open` does."""
        with _reached(path, "a file to read") as place:
            if place.mode is None or not stat.S_ISREG(place.mode):
                raise _error(errno.EISDIR if place.is_folder else errno.ENOENT, os.fspath(path))
            return io.BufferedReader(io.FileIO(place.open(os.O_RDONLY)), buffering)

    def read(self, path: str | os.PathLike[str]) -> bytes:
        """All of a small file."""
        with self.open(path) as file:
            return file.read()

    @contextmanager
    def create(self, path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
        """A file to write, which has its name once it is whole and on the disk; one of that name is replaced."""
        with _written(path), _reached(path, "a file to write") as place:
            scratch = scratch_name(place.name)
            handle = place.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL, scratch)
            try:
                with os.fdopen(handle, "wb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(scratch, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(scratch, dir_fd=place.folder)
                raise

    def write(self, path: str | os.PathLike[str], data: bytes) -> None:
        """A small file, whole or not at all."""
        with self.create(path) as file:
            file.write(data)

    def folder(self, path: str | os.PathLike[str]) -> Path:
        """Make a folder, and those above it, unless it is there."""
        with _written(path), _reached(path, "a folder to write") as place:
            resolved = place.resolved
            resolved.mkdir(parents=True, exist_ok=True)
        return resolved

    def rename(self, path: str | os.PathLike[str], to: str | os.PathLike[str]) -> None:
        """Give a folder its name, once all in it is on the disk; raises OSError where that name is taken."""
        with _reached(path, "a folder to write") as here, _reached(to, "a folder to write") as there:
            for folder, _, _ in os.walk(here.resolved, topdown=False):
                sync(folder)
            os.rename(here.name, there.name, src_dir_fd=here.folder, dst_dir_fd=there.folder)
            sync(there.resolved.parent)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk ended: the folder it came to, still open, and the name in it."""

    folder: int
    name: str
    resolved: Path
    mode: int | None  # None: nothing is there
    given: str

    @property
    def is_folder(self) -> bool:
        return self.mode is not None and stat.S_ISDIR(self.mode)

    def open(self, flags: int, name: str | None = None) -> int:
        if os.sep in self.name:  # the folder is not there
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.given)
        with _unmoved(self.given):
            return os.open(name or self.name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=self.folder)


@contextmanager
def _reached(path: str | os.PathLike[str], what: str) -> Iterator[_Place]:
    """Walk to a path, following links by hand, with a look for a marker in every folder that is passed."""
    given = os.fspath(path)
    todo = _parts(os.path.join(os.getcwd(), os.path.expanduser(given)))
    folders = [os.open(os.sep, SEARCH | os.O_DIRECTORY | os.O_CLOEXEC)]
    names: list[str] = []  # of the folders but the first
    leaf: list[str] = []  # what follows them: a file, or names that are not there yet
    mode: int | None = None
    links = 0
    try:
        _look(folders, names, given, what)
        while todo:
            name = todo.pop()
            if leaf:
                if mode is not None or name == os.pardir:
                    raise _error(errno.ENOENT if mode is None else errno.ENOTDIR, given)
                leaf.append(name)
            elif name == os.pardir:
                if names:
                    names.pop()
                    os.close(folders.pop())
            elif (mode := _mode(name, folders[-1])) is not None and stat.S_ISLNK(mode):
                links += 1
                if links > LINKS:
                    raise _error(errno.ELOOP, given)
                target = os.readlink(name, dir_fd=folders[-1])
                while os.path.isabs(target) and names:
                    names.pop()
                    os.close(folders.pop())
                todo += _parts(target)
            elif mode is not None and stat.S_ISDIR(mode):
                with _unmoved(given):
                    flags = SEARCH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                    folders.append(os.open(name, flags, dir_fd=folders[-1]))
                names.append(name)
                _look(folders, names, given, what)
            else:
                leaf.append(name)
        if leaf and leaf[-1] == MARKER:
            raise FirewallError([Fault(given, None, f"{what} would be taken for a store's marker", "use another name")])
        resolved = Path(os.sep, *names, *leaf)
        if leaf:
            yield _Place(folders[-1], os.sep.join(leaf), resolved, mode, given)
        elif names:
            yield _Place(folders[-2], names[-1], resolved, stat.S_IFDIR, given)
        else:
            yield _Place(folders[-1], os.curdir, resolved, stat.S_IFDIR, given)
    finally:
        for folder in folders:
            os.close(folder)


def _parts(path: str) -> list[str]:
    """The names in a path, the last first."""
    return [name for name in reversed(path.split(os.sep)) if name not in ("", os.curdir)]


def _mode(name: str, folder: int) -> int | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None


def _look(folders: list[int], names: list[str], given: str, what: str) -> None:
    """Raise FirewallError if the last folder is a store."""
    if _mode(MARKER, folders[-1]) is not None:
        store = Path(os.sep, *names)
        raise FirewallError([Fault(given, None, f"{what} lies in {store}, which is a store of alerts", ELSEWHERE)])


def _look_below(top: Path, given: str | os.PathLike[str], what: str) -> None:
    """Raise FirewallError if a store lies below a folder, hidden folders included, or a link in it leads into one."""
    todo = [str(top)]
    while todo:
        here = todo.pop()
        with os.scandir(here) as entries:
            for entry in entries:
                if entry.name == MARKER:
                    said = f"{what} holds {here}, which is a store of alerts"
                    raise FirewallError([Fault(os.fspath(given), None, said, ELSEWHERE)])
                if entry.is_symlink():
                    _look_behind(entry.path, what)
                elif entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)


def _look_behind(link: str, what: str) -> Path | None:
    """Where a link leads to; None for one that leads in a circle. Raises FirewallError if that is in a store."""
    try:
        with _reached(link, what) as place:
            return place.resolved
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return None


@contextmanager
def _told(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    """What the system says of a path that cannot be looked at, in our words."""
    try:
        yield
    except OSError as error:
        said = f"{what} cannot be looked at: {reason(error)}"
        where = os.fspath(path) if error.filename is None else str(error.filename)
        raise InputError([Fault(where, None, said, "check the path and its permissions")]) from None


@contextmanager
def _written(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise failed_write(path, error) from error


@contextmanager
def _unmoved(given: str) -> Iterator[None]:
    """Opening fails where a link has taken the place of what was just looked at."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        what = "became a link while it was being opened"
        raise FirewallError([Fault(given, None, what, "let nothing change the folder meanwhile")]) from None


def failed_write(path: str | os.PathLike[str], error: OSError) -> CotmonitorError:
    """A write that the system refused, in words."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    todo = "Make room and run again" if full else "Nothing was published; run again"
    return CotmonitorError(f"{os.fspath(path)}: cannot be written: {reason(error)}. {todo}.")


def reason(error: OSError) -> str:
    """What the system said, without its numbers."""
    return (os.strerror(error.errno) if error.errno else str(error)).lower()


def sync(folder: str | os.PathLike[str]) -> None:
    """Have a folder's names on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


def _no_folder(root: str, folder: str) -> InputError:
    if os.path.exists(folder):
        return FirewallError([Fault(root, None, "is a file", ONE_FOLDER)])
    if any(sign in root for sign in "*?[,"):
        return FirewallError([Fault(root, None, "is no folder, but reads like several", ONE_FOLDER)])
    return InputError([Fault(root, None, "there is no such folder", "check --traces")])
