"""Run a command, and be asked before each of its calls that change a folder: let it, fail it, or kill it there.

The kernel asks (seccomp's user notification), for every thread of every process of the command, one call at a time. So
"the 17th change to the store" is one instant whichever thread makes it, which strace's `when=17` is not: it counts for
each thread apart, and Delta Lake commits from whichever of its threads is free.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import secrets
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]

# A system call, its number on x86_64 and on aarch64, and the argument that says what it changes: a path, a path that
# may start from the open folder in the argument before, or an open file.
NAMES = """
    open       2   -  path 0    openat    257  56  at 1    creat    85   -  path 0
    mkdir     83   -  path 0    mkdirat   258  34  at 1    rmdir    84   -  path 0
    rename    82   -  path 1    renameat  264  38  at 3    renameat2  316  276  at 3
    link      86   -  path 1    linkat    265  37  at 3    symlink  88   -  path 1    symlinkat  266  36  at 2
    unlink    87   -  path 0    unlinkat  263  35  at 1
"""
ROOM = """
    write      1  64  file 0    pwrite64   18  68  file 0    writev    20  66  file 0    pwritev  296  70  file 0
    pwritev2 328 287  file 0    truncate   76  45  path 0    ftruncate 77  46  file 0    fallocate  285  47  file 0
    sendfile  40  71  file 0    copy_file_range  326  285  file 2
"""
WRITES = {"open": 1, "openat": 2}  # asked about only if their flags, in this argument, say that they may write
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
MACHINES = {"x86_64": (0xC000003E, 317), "aarch64": (0xC00000B7, 277)}  # the audit system's number, that of seccomp()
NEW_LISTENER, NOTIFY, ALLOW = 1 << 3, 0x7FC00000, 0x7FFF0000
RECEIVE, SEND, CONTINUE = 0xC0502100, 0xC0182101, 1


@dataclass(frozen=True, slots=True)
class Call:
    """A call about to be made on the folder: its number, from 1, its name, and what it changes below the folder."""

    number: int
    name: str
    path: str

    def __str__(self) -> str:
        return f"{self.name} {self.path}"


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    number: int
    via: str
    argument: int


def _kinds(table: str) -> dict[int, _Kind]:
    """The calls of a table that this machine has, by their number."""
    words = table.split()
    rows = [words[i : i + 5] for i in range(0, len(words), 5)]
    column = 2 if platform.machine() == "aarch64" else 1
    kinds = [_Kind(row[0], int(row[column]), row[3], int(row[4])) for row in rows if row[column] != "-"]
    return {k.number: k for k in kinds}


@dataclass(frozen=True, slots=True)
class Send:
    """An answer to a call: before it is made, a signal goes to the command and its process group, or to it alone."""

    signal: int
    everyone: bool = True


KILL = Send(signal.SIGKILL)
Ask = Callable[[Call], int | Send]  # 0: let it be made; an errno: let it fail so


@dataclass(slots=True)
class Ended:
    """How a command ended; a negative code is a signal, and `outlived` for how long others of its processes did so."""

    code: int
    stderr: str
    calls: list[Call]
    outlived: float


@dataclass(slots=True)
class Asked:
    """A command whose calls on a folder are asked about; `answer` must be called until `done`."""

    command: Sequence[str]
    folder: Path
    ask: Ask = lambda call: 0
    about: str = NAMES
    calls: list[Call] = field(default_factory=list)
    process: subprocess.Popen[bytes] = field(init=False)
    _listener: int = field(init=False)
    _said: tempfile._TemporaryFileWrapper[bytes] = field(init=False)
    _mark: str = field(default_factory=lambda: secrets.token_hex(8))
    _ended: float | None = None

    def __enter__(self) -> Asked:
        ours, theirs = socket.socketpair()
        self._said = tempfile.NamedTemporaryFile()
        with ours, theirs:
            self.process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno()), self.about, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                cwd=REPOSITORY,
                env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "KILLING_MARK": self._mark},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
            theirs.close()
            descriptors = socket.recv_fds(ours, 1, 1)[1]
        if not descriptors:
            self.process.wait()
            raise OSError(self.said())
        self._listener = descriptors[0]
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._listener)
        self._said.close()

    def answer(self) -> None:
        """Wait for one call, at most 20 ms, and answer it."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        ready = poll.poll(20)
        if ready and ready[0][1] & select.POLLIN:
            self._answer()
        elif ready:
            time.sleep(0.02)  # nobody is left to ask

    def _answer(self) -> None:
        buffer = bytearray(80)
        try:
            fcntl.ioctl(self._listener, RECEIVE, buffer)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):  # it was killed meanwhile
                return
            raise
        ticket, thread, _, number, _, _, *arguments = struct.unpack("=QIIiIQ6Q", buffer)
        kind = _kinds(NAMES + ROOM)[number]
        path = _changed(thread, kind, arguments)
        verdict: int | Send = 0
        if path is not None and path.is_relative_to(self.folder):
            call = Call(len(self.calls) + 1, kind.name, str(path.relative_to(self.folder)))
            self.calls.append(call)
            verdict = self.ask(call)
        fault = 0
        if not isinstance(verdict, Send):
            fault = verdict
        elif verdict.everyone:
            os.killpg(self.process.pid, verdict.signal)
            if verdict.signal == signal.SIGKILL:  # an answer could still reach it before the end does
                return
        else:
            self.process.send_signal(verdict.signal)
        try:
            fcntl.ioctl(self._listener, SEND, struct.pack("=QqiI", ticket, 0, -fault, 0 if fault else CONTINUE))
        except OSError as gone:
            if gone.errno != errno.ENOENT:
                raise

    def done(self) -> bool:
        """Whether neither the command nor any process of its own is left."""
        if self.process.poll() is None:
            return False
        self._ended = self._ended or time.monotonic()
        return not self.processes()

    def ended(self) -> Ended:
        return Ended(self.process.wait(), self.said(), self.calls, time.monotonic() - (self._ended or time.monotonic()))

    def said(self) -> str:
        return Path(self._said.name).read_text(errors="replace")

    def processes(self) -> list[int]:
        """The command's processes that are alive, and all that descend from it."""
        marked = f"KILLING_MARK={self._mark}".encode()
        return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and marked in _environment(p)]


def run(
    command: Sequence[str], folder: Path, ask: Ask = lambda call: 0, about: str = NAMES, patience: float = 180
) -> Ended:
    """Run a command and all its processes to their end.

    `ask` gets each call on what is below `folder`, while the thread that would make it waits for its answer.
    """
    with Asked(command, folder, ask, about) as asked:
        limit = time.monotonic() + patience
        while not asked.done():
            asked.answer()
            if time.monotonic() > limit:
                raise TimeoutError(f"{asked.processes()} still there after {patience} s; last: {asked.calls[-3:]}")
        return asked.ended()


def impossible() -> str | None:
    """Why this machine cannot do this, or None."""
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        return "calls can be asked about on Linux, on x86_64 and aarch64"
    with tempfile.TemporaryDirectory() as folder:
        try:
            seen = run([sys.executable, "-c", f"import os; os.mkdir({folder + '/x'!r})"], Path(folder)).calls
        except (OSError, TimeoutError) as error:
            return f"seccomp's user notification is not allowed here: {error}"
    return None if [c.path for c in seen] == ["x"] else "seccomp's user notification does not work here"


def _environment(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:  # it ended, or is none of ours
        return b""


def _changed(thread: int, kind: _Kind, arguments: Sequence[int]) -> Path | None:
    """What a call would change, as an absolute path."""
    process = f"/proc/{thread}"
    argument = arguments[kind.argument]
    try:
        if kind.via == "file":
            return Path(os.readlink(f"{process}/fd/{argument}"))
        memory = os.open(f"{process}/mem", os.O_RDONLY)
        try:
            path = os.fsdecode(os.pread(memory, 4096, argument).split(b"\0")[0])
        finally:
            os.close(memory)
        if os.path.isabs(path):
            return Path(path)
        folder = ctypes.c_int(arguments[kind.argument - 1] & 0xFFFFFFFF).value if kind.via == "at" else -1
        return Path(os.readlink(f"{process}/fd/{folder}" if folder >= 0 else f"{process}/cwd")) / path
    except OSError:  # it was killed meanwhile
        return None


def _program(about: str) -> bytes:
    """The filter, in the kernel's own instructions: code, jumps if true and if false, operand."""
    load, equal, masked, give = 0x20, 0x15, 0x45, 0x06
    code = [(load, 0, 0, 4), (equal, 1, 0, MACHINES[platform.machine()][0]), (give, 0, 0, ALLOW), (load, 0, 0, 0)]
    for kind in _kinds(about).values():
        then = [(give, 0, 0, NOTIFY)]
        if kind.name in WRITES:
            flags = 16 + 8 * WRITES[kind.name]
            then = [(load, 0, 0, flags), (masked, 0, 1, WRITING), *then, (give, 0, 0, ALLOW)]
        code += [(equal, 0, len(then), kind.number), *then]
    return b"".join(struct.pack("=HBBI", *line) for line in [*code, (give, 0, 0, ALLOW)])


def _become(channel: int, about: str, command: Sequence[str]) -> None:
    """Put this process under question, hand over the end that answers, and turn into the command."""
    libc = ctypes.CDLL(None, use_errno=True)
    program = ctypes.create_string_buffer(code := _program(about), len(code))
    filter_ = struct.pack("@HP", len(code) // 8, ctypes.addressof(program))
    if libc.prctl(38, 1, 0, 0, 0):  # no new privileges: then no privilege is needed for a filter
        sys.exit("prctl was refused")
    listener = libc.syscall(MACHINES[platform.machine()][1], 1, NEW_LISTENER, filter_)
    if listener < 0:
        sys.exit(f"seccomp was refused: {os.strerror(ctypes.get_errno())}")
    with socket.socket(fileno=channel) as to:
        socket.send_fds(to, [b"."], [listener])
    os.execvp(command[0], list(command))


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
