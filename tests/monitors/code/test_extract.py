"""Pieces of code out of steps as adapters, transcripts and models spell them, and their places."""

from __future__ import annotations

import pytest

from monitors.code.extract import Reader
from monitors.code.piece import Piece, Placed, joined
from monitors.code.transcript import turns


def pieces(text: str, channel: str = "action", tool: str | None = None) -> list[Piece]:
    return Reader().pieces(Placed(text), channel, tool)


SPELLED = {
    "fenced": ("So:\n```python\nx = 1\n```\nDone.", None, [("program", "python", None, "x = 1\n")]),
    "fenced, with tildes": ("~~~js\nlet x = 1\n~~~\n", None, [("program", "javascript", None, "let x = 1\n")]),
    "fenced, never closed": ("```py\nx = 1", None, [("program", "python", None, "x = 1")]),
    "fenced, said to be written": (
        "I create src/a.py:\n```python\nx = 1\n```",
        None,
        [("file", "python", "src/a.py", "x = 1\n")],
    ),
    "a whole program": ("def f():\n    return 1\n", None, [("program", "python", None, "def f():\n    return 1\n")]),
    "a tool named for a language": ("x = 1", "python", [("program", "python", None, "x = 1")]),
    "a command": ("ls -la", "bash", [("shell", "bash", None, "ls -la")]),
    "a file by arguments": ("path: a.py\ncontent:\nx = 1", None, [("file", "python", "a.py", "x = 1")]),
    "an edit by arguments": (
        "command: str_replace\npath: a.py\nold_str: x = 1\nnew_str: x = 2",
        None,
        [("edit", "python", "a.py", "x = 2")],
    ),
    "a here-document": (
        "cat > a.py <<'EOF'\nx = 1\nEOF",
        "bash",
        [("shell", "bash", None, "cat > a.py <<'EOF'\nx = 1\nEOF"), ("file", "python", "a.py", "x = 1\n")],
    ),
    "a here-document for an interpreter": (
        "python3 - <<'EOF'\nx = 1\nEOF",
        "bash",
        [("shell", "bash", None, "python3 - <<'EOF'\nx = 1\nEOF"), ("program", "python", None, "x = 1\n")],
    ),
    "a program in an argument": (
        "python -c 'x = 1'",
        "bash",
        [("shell", "bash", None, "python -c 'x = 1'"), ("program", "python", None, "x = 1")],
    ),
    "an echo into a file": (
        "echo 'x = 1' > a.py",
        "bash",
        [("shell", "bash", None, "echo 'x = 1' > a.py"), ("file", "python", "a.py", "x = 1")],
    ),
    "a unified diff": (
        "--- a/f.py\n+++ b/f.py\n@@ -1,2 +1,2 @@\n a = 1\n-x = 1\n+x = 2\n",
        None,
        [("edit", "python", "f.py", "x = 2")],
    ),
    "half a diff": ("@@ -1 +1 @@\n-x = 1\n+def f(): return 2\n", None, [("edit", "python", None, "def f(): return 2")]),
    "an apply_patch envelope": (
        "*** Begin Patch\n*** Update File: f.py\n@@\n-x = 1\n+x = 2\n*** End Patch",
        None,
        [("edit", "python", "f.py", "x = 2")],
    ),
    "a search and replace block": (
        "f.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n",
        None,
        [("edit", "python", "f.py", "x = 2\n")],
    ),
    "JSON in a transcript": (
        '$ python: {"code": "x = 1\\ny = 2"}',
        None,
        [("program", "python", None, "x = 1\ny = 2")],
    ),
    "a line editor": ("$ open f.py\n$ edit 3:4\nx = 2\nend_of_edit", None, [("edit", "python", "f.py", "x = 2\n")]),
    "plain words": ("I will look at the files first.", None, []),
    "nothing": ("", None, []),
}


@pytest.mark.parametrize(("text", "tool", "expected"), SPELLED.values(), ids=SPELLED)
def test_pieces(text: str, tool: str | None, expected: list[tuple[str, str, str | None, str]]) -> None:
    reader = Reader()
    found = [p for t in turns(text) if t.own for p in reader.pieces(Placed(text).part(t.start, t.end), "action", tool)]
    assert [(p.kind, p.language, p.path, p.text) for p in found] == expected


def test_an_edit_keeps_what_it_replaces() -> None:
    [edit] = pieces("--- a/f.py\n+++ b/f.py\n@@ -1,2 +1,2 @@\n-x = 1\n-y = 1\n+x = 2\n")
    assert edit.old == "x = 1\ny = 1"


@pytest.mark.parametrize("text", [t for t, _, e in SPELLED.values() if e], ids=[k for k, v in SPELLED.items() if v[2]])
def test_every_character_knows_its_place(text: str) -> None:
    for piece in pieces(text):
        for line in piece.text.split("\n"):
            at = piece.text.find(line)
            if line and "\\n" not in text:
                low, high = piece.code.span(at, at + len(line))
                assert text[low:high] == line


def test_places_pass_through_escapes_and_joins() -> None:
    [piece] = pieces('$ python: {"code": "é = 1\\ny = \\"z\\""}'.removeprefix("$ "), tool="python")
    start, end = piece.code.span(piece.text.index("y"), piece.text.index("y") + 1)
    assert 'python: {"code": "é = 1\\ny = \\"z\\""}'[start:end] == "y"
    both = joined([Placed("ab").part(1, 2), Placed("xyz").part(2, 3)])
    assert (both.text, both.place(0), both.place(2)) == ("b\nz", 1, 2)


TURNS = {
    "no marks": ("x = 1", [(True, "x = 1")]),
    "a shell session": (
        "$ ls\n-> a.py\nb.py\n$ cat a.py\n",
        [(True, "$ ls\n"), (False, "-> a.py\nb.py\n"), (True, "$ cat a.py\n")],
    ),
    "calls and tools": ('CALL {"a": 1}\n[tool] {"b": 2}\n', [(True, 'CALL {"a": 1}\n'), (False, '[tool] {"b": 2}\n')]),
    "feedback kept as a comment": (
        "x = 1\n\n# [user] It failed.\n# Traceback\n\nx = 2\n",
        [(True, "x = 1\n\n"), (False, "# [user] It failed.\n# Traceback\n\n"), (True, "x = 2\n")],
    ),
}


@pytest.mark.parametrize(("text", "expected"), TURNS.values(), ids=TURNS)
def test_turns(text: str, expected: list[tuple[bool, str]]) -> None:
    assert [(t.own, text[t.start : t.end]) for t in turns(text)] == expected
