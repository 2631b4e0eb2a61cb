"""What makes a folder a store: the marker file at its root, and which paths can carry one."""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from pathlib import Path

from schemas.canary import CANARY
from schemas.errors import CotmonitorError, StoreError

MARKER = "_cotmonitor_store"
REFUSED = re.compile(
    "[\\\\\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff]|%[0-9A-Fa-f]{2}"
)  # what Delta Lake does not take as it is
FORMAT = 1  # raised when an older cotmonitor could no longer read, or would damage, what a newer one wrote


def locate(path: str | os.PathLike[str]) -> Path:
    """The absolute path of a store; raise `StoreError` for a URL or a path that Delta Lake cannot write to."""
    text = os.fspath(path)
    if "://" in text:
        raise StoreError(f"{text}: remote stores are not supported yet. Give a local folder.")
    if not text.strip():
        raise StoreError("the store's path is empty. Give a folder.")
    folder = Path(os.path.abspath(os.path.expanduser(text)))
    odd = sorted(set(REFUSED.findall(str(folder))))
    if odd:
        raise StoreError(
            f"{str(folder)!r}: Delta Lake cannot write below a path with {', '.join(map(repr, odd))}. "
            "Choose another folder."
        )
    return folder


def check(folder: Path) -> None:
    """Raise `StoreError` unless `folder` is a store that this version can read."""
    if not folder.exists():
        raise StoreError(f"{folder}: there is no such folder. Check --store, or make a store with `cotmonitor run`.")
    if not folder.is_dir():
        raise StoreError(f"{folder}: is a file, not a store. Give the folder that `cotmonitor run` wrote to.")
    try:
        text = (folder / MARKER).read_text("utf-8")
    except FileNotFoundError:
        raise StoreError(
            f"{folder}: is not a store, since it has no {MARKER} file. Give the folder that `cotmonitor run` wrote to."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{folder / MARKER}: cannot be read: {reason(error)}. Check its permissions.") from None
    try:
        found = json.loads(text)["format"]
        newer = int(found) > FORMAT
    except (ValueError, KeyError, TypeError):
        raise StoreError(f"{folder / MARKER}: is damaged. It should hold {content()!r}.") from None
    if newer:
        raise StoreError(
            f"{folder}: has format {found}, and this cotmonitor knows formats up to {FORMAT}. "
            "Install a newer cotmonitor."
        )


def create(folder: Path) -> None:
    """Make `folder` a store unless it is one; a folder that holds anything else is left alone."""
    if not folder.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder}: cannot be made: {reason(error)}. Choose another --store.") from None
    if not (folder / MARKER).exists() and folder.is_dir():
        foreign = sorted(p.name for p in folder.iterdir() if not p.name.startswith(f".{MARKER}.") and p.name != MARKER)
        # another run may have made the store between the two looks
        if foreign and not (folder / MARKER).exists():
            raise StoreError(
                f"{folder}: is not a store and not empty (it holds {foreign[0]!r}). Give an empty or a new folder."
            )
        try:
            publish(folder / MARKER, content().encode())
        except OSError as error:
            raise StoreError(f"{folder}: cannot be written to: {reason(error)}. Choose another --store.") from None
    check(folder)


def check_writable(folder: Path) -> None:
    """Raise `StoreError` where nothing can be written, before any work is done in vain."""
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreError(f"{folder}: is read-only. Change its permissions, or choose another --store.")


def content() -> str:
    return json.dumps({"format": FORMAT, "canary": f"{CANARY}:store"}) + "\n"


def publish(path: Path, data: bytes) -> None:
    """Write a whole file or none, and have it on the disk before it gets its name."""
    temporary = scratch(path)
    try:
        with open(temporary, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def scratch(path: Path) -> Path:
    """A name beside `path` that no other process or thread writes to, hidden from whoever lists the folder."""
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")


def sync(path: Path) -> None:
    """Have a file's content, or a folder's names, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def reason(error: BaseException) -> str:
    """What the system said, without its numbers."""
    number = _number(error)
    return os.strerror(number).lower() if number else (str(error).strip() or type(error).__name__).splitlines()[0]


def failed_write(path: Path, error: BaseException) -> CotmonitorError:
    """A write that the system refused, in words; it is no fault of the command line, so it ends with 1."""
    full = _number(error) in (errno.ENOSPC, errno.EDQUOT)
    todo = "Make room and run again" if full else "Nothing of it shows in the store; run again"
    return CotmonitorError(f"{path}: cannot be written: {reason(error)}. {todo}.")


def _number(error: BaseException) -> int:
    """The system's number for what went wrong, which Delta Lake has in its words only; 0 if there is none."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    found = re.search(r"\(os error (\d+)\)", str(error))
    return int(found[1]) if found else 0
