"""The one tree of errors that a user may see.

Each says what is wrong, where, what was found and what to do, and carries the exit code with which the
command line ends. Anything else that escapes is a fault of ours and shows as a traceback.

    CotmonitorError            1   the run failed
    ├── InputError             2   a user's file, flag or setting cannot be used
    │   ├── JobFileError           job.yaml
    │   ├── PackError              a rule pack
    │   ├── ModelError             a fitted classifier
    │   ├── LayoutError            columns that no layout explains
    │   └── FirewallError          a path or a setting by which a monitor's word could reach training
    ├── StoreError             2   the folder given is not a store we may use
    ├── GateError              3   a contract or audit said no; trying again will not help
    └── BusyError             75   another run holds what we need; try again
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a user's input, so that all of them can be reported at once.

    >>> print(Fault("core.yml", 41, "rule TG08.lookup: unknown level 'severe'", "use one of low, high"))
    core.yml:41: rule TG08.lookup: unknown level 'severe'. Use one of low, high.
    """

    where: str
    line: int | None
    what: str
    todo: str = ""

    def __str__(self) -> str:
        place = f"{self.where}:{self.line}" if self.line else self.where
        todo = f" {_sentence(self.todo[:1].upper() + self.todo[1:])}" if self.todo else ""
        return f"{place}: {_sentence(self.what)}{todo}"


def _sentence(text: str) -> str:
    return text if text.endswith(("?", "!")) else f"{text.rstrip('.')}."


class CotmonitorError(Exception):
    """A failure that is explained in words; `exit_code` is what the command line ends with."""

    exit_code = 1


class InputError(CotmonitorError):
    """Something the user gave cannot be used; `faults` holds every fault that was found."""

    exit_code = 2

    def __init__(self, message: str | Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = () if isinstance(message, str) else tuple(message)
        super().__init__(message if isinstance(message, str) else "\n".join(map(str, self.faults)))

    def __reduce__(self) -> tuple[object, ...]:  # errors cross process borders; keep the faults
        return type(self), (self.faults or str(self),)


class JobFileError(InputError):
    """A job file does not say what a job file says."""


class PackError(InputError):
    """A rule pack cannot be loaded, or a rule fails its own tests."""


class ModelError(InputError):
    """A fitted classifier cannot be loaded, or is not what its card says."""


class LayoutError(InputError):
    """A file's columns fit no layout, or not the one that was named."""


class FirewallError(InputError):
    """A path or a setting by which a monitor's word could reach the training data."""


class StoreError(CotmonitorError):
    """The folder given is not a store that can be read or written."""

    exit_code = 2


class GateError(CotmonitorError):
    """A contract, gate or audit said no. Trying again changes nothing."""

    exit_code = 3


class BusyError(CotmonitorError):
    """Somebody else got there first; the same command may be tried again."""

    exit_code = 75


class ControlMissed(CotmonitorError):
    """A monitor missed its own positive control, so nothing it says can be believed."""
