"""Run somebody's command over rows of JSON and take a number a row back, or say what was wrong with it."""

from __future__ import annotations

import json
import math
import os
import shlex
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from schemas.errors import Fault, InputError

FLAG = "--reward-fn"
SHOWN = 5  # faulty lines that are told, and lines of the command's own words
LINE_BYTES = 4_096  # a number needs fewer


def parse_command(text: str) -> tuple[str, ...]:
    """The words of a command line, as a shell would split them; no shell is started."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise _refused(f"{text!r} is no command: {error}", "close every quote") from None
    if not words:
        raise _refused("names no command", "give one, e.g. 'python grade.py'")
    return tuple(words)


def answers(command: Sequence[str], rows: Sequence[str], folder: Path, timeout: float, way: str) -> list[float]:
    """One finite number a row. Its input and output go through files in `folder`, so that neither side can block.

    Raises InputError for a command that cannot be run, fails, takes longer than `timeout` seconds, or writes anything
    but one number a line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    given, written, said = (folder / f"reward.{name}" for name in ("in", "out", "err"))
    given.write_text("".join(f"{row}\n" for row in rows), "utf-8")
    code = _run(command, given, written, said, timeout, way)
    if code:
        words = said.read_bytes()[-4_000:].decode("utf-8", "replace").strip().splitlines()[-SHOWN:]
        ended = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise _refused(f"{command[0]} {ended} ({way})" + "".join(f"\n    {w}" for w in words), "mend the command")
    size = written.stat().st_size
    if size > LINE_BYTES * (len(rows) + 1):
        raise _refused(f"{command[0]} wrote {size:,} bytes for {len(rows)} rows ({way})", "write one number a line")
    return _numbers(written.read_bytes().decode("utf-8", "replace"), len(rows), way)


def _run(command: Sequence[str], given: Path, written: Path, said: Path, timeout: float, way: str) -> int:
    with given.open("rb") as rows, written.open("wb") as out, said.open("wb") as err:
        try:
            process = subprocess.Popen(command, stdin=rows, stdout=out, stderr=err, start_new_session=True)
        except OSError as error:
            what = f"{command[0]} cannot be run: {(error.strerror or str(error)).lower()}"
            raise _refused(what, "check its path") from None
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            what = f"{command[0]} was not done after {timeout:g} s ({way})"
            raise _refused(what, "give --reward-timeout more, or --reward-sample less") from None
        finally:  # after an interrupt too; what it started itself goes with it
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _numbers(text: str, count: int, way: str) -> list[float]:
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    faults = []
    if len(lines) != count:
        faults.append(
            Fault(FLAG, None, f"wrote {len(lines)} lines for {count} rows ({way})", "write one number a line")
        )
    numbers = [_number(line) for line in lines]
    for i, number in enumerate(numbers, 1):
        if number is None and len(faults) < SHOWN:
            todo = 'write a finite number or {"reward": number}'
            faults.append(Fault(f"{FLAG}, line {i} of its output ({way})", None, f"found {lines[i - 1][:80]!r}", todo))
    if faults:
        raise InputError(faults)
    return [n for n in numbers if n is not None]


def _number(line: str) -> float | None:
    """
    >>> _number("0.5"), _number('{"reward": 1}'), _number("NaN"), _number("true")
    (0.5, 1.0, None, None)
    """
    try:
        value = json.loads(line)
        value = value.get("reward") if isinstance(value, dict) else value
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        number = float(value)
    except (ValueError, OverflowError, RecursionError):
        return None
    return number if math.isfinite(number) else None


def _refused(what: str, todo: str) -> InputError:
    return InputError([Fault(FLAG, None, what, todo)])
