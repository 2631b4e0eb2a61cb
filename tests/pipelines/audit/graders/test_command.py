"""A foreign command: a number a line, or words that say what was wrong with it."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.audit.graders.command import answers, parse_command
from schemas.errors import InputError

ROWS = ['{"x": 1}', '{"x": 2}', '{"x": 3}']


def ask(tmp_path: Path, code: str, rows: list[str] = ROWS, timeout: float = 30) -> list[float]:
    return answers((sys.executable, "-c", f"import json, sys\n{code}"), rows, tmp_path / "work", timeout, "as they are")


def test_each_row_has_its_number(tmp_path: Path) -> None:
    assert ask(tmp_path, "for r in sys.stdin: print(json.loads(r)['x'] / 2)") == [0.5, 1.0, 1.5]
    assert ask(tmp_path, "for r in sys.stdin: print(json.dumps({'reward': -1, 'why': 'no'}))") == [-1.0] * 3


def test_neither_side_can_block_the_other(tmp_path: Path) -> None:
    rows = ['"' + "x" * 2_000_000 + '"'] * 4
    code = "for i in range(4): print(0.1, flush=True)\nsys.stderr.write('e' * 3_000_000)"
    assert ask(tmp_path, code, rows) == [0.1] * 4


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("print(1)", r"wrote 1 lines for 3 rows \(as they are\). Write one number a line"),
        ("print(1, 2, 3, 4, sep='\\n')", "wrote 4 lines for 3 rows"),
        ("print('1\\n\\n1')", r"line 2 of its output.*found ''"),
        ("print('1\\nNaN\\n1')", r"line 2 of its output.*found 'NaN'"),
        ("print('1\\n1e999\\n1')", "found '1e999'"),
        ("print('1\\nInfinity\\n1')", "found 'Infinity'"),
        ("print('1\\ntrue\\n\"2\"')", r"(?s)line 2.*found 'true'.*line 3.*found '\"2\"'"),
        ("print('1\\n{\"score\": 2}\\n1')", "found '{\"score\": 2}'"),
        ("print('1\\n' + '[' * 100000 + '\\n1')", "bytes for 3 rows|line 2"),
        ("print('1\\n1' + '0' * 400 + '\\n1')", "line 2"),
        ("sys.stdout.buffer.write(b'1\\n\\xff\\n1\\n')", "line 2"),
        ("print('x' * 100000)", "wrote 100,001 bytes for 3 rows"),
        ("", "wrote 0 lines"),
        ("sys.exit('the model is not there')", r"(?s)ended with exit code 1.*the model is not there"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9"),
    ],
    ids=lambda v: v[:40] if v else "nothing",
)
def test_what_is_wrong_is_said(tmp_path: Path, code: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as raised:
        ask(tmp_path, code)
    assert "--reward-fn" in str(raised.value)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no-such-program cannot be run: no such file"):
        answers(("no-such-program",), ROWS, tmp_path, 5, "as they are")


def test_what_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    child = "import time; time.sleep(87)  # " + str(tmp_path)
    code = f"import subprocess; subprocess.run([sys.executable, '-c', {child!r}])"
    begun = time.monotonic()
    with pytest.raises(InputError, match=r"was not done after 1\.5 s"):
        ask(tmp_path, code, timeout=1.5)
    assert time.monotonic() - begun < 20
    time.sleep(0.3)
    running = subprocess.run(["ps", "-wweo", "args"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in running.splitlines() if str(tmp_path) in line and "sleep(87)" in line]


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    text = f"{shlex.quote(sys.executable)} -c 'print(1)' ; touch {mark}"
    assert answers(parse_command(text), ['{"x": 1}'], tmp_path, 30, "as they are") == [1.0]
    assert not mark.exists()


@pytest.mark.parametrize("text", ["", "   ", "python 'open"], ids=["empty", "blank", "an open quote"])
def test_what_is_no_command_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--reward-fn"):
        parse_command(text)
