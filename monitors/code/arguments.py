"""Tool calls as adapters and transcripts spell them: `key: value` lines, or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from monitors.code.piece import Placed

COMMAND = ("command", "cmd", "bash_command", "shell", "commands", "keystrokes")
CODE = ("code", "python", "source", "script", "program", "query_code", "ipython")
PATH = ("path", "file_path", "filename", "file", "filepath", "target_file", "notebook_path", "relative_path")
CONTENT = ("content", "contents", "file_text", "text", "new_source", "code_edit", "new_content")
OLD = ("old_str", "old_string", "old", "search", "old_text", "old_code", "find")
NEW = ("new_str", "new_string", "new", "replace", "replacement", "new_text", "new_code")
PATCH = ("patch", "diff", "input")
ANSWER = ("answer", "message", "result", "response")
_KEYS = frozenset(
    (
        *COMMAND,
        *CODE,
        *PATH,
        *CONTENT,
        *OLD,
        *NEW,
        *PATCH,
        *ANSWER,
        "insert_line",
        "view_range",
        "timeout",
        "mode",
        "start_line",
        "end_line",
        "cwd",
        "workdir",
        "description",
        "append",
    )
)
_HEADER = re.compile(r"^([a-z_]{3,20}):(?: |\n)", re.M)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.S)
_PAIR = re.compile(r'"([A-Za-z_]\w{0,30})"\s*:\s*(?=")')
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.S)

Arguments = Mapping[str, Placed]


def spelled(code: Placed) -> Arguments:
    """The arguments of a text that is `key: value` lines from its start, else none."""
    heads = [m for m in _HEADER.finditer(code.text) if m[1] in _KEYS]
    if not heads or code.text[: heads[0].start()].strip():
        return {}
    found: dict[str, Placed] = {}
    starts: list[re.Match[str]] = []
    for m in heads:  # a key that comes again is part of a value
        if m[1] not in {h[1] for h in starts}:
            starts.append(m)
    for m, after in zip(starts, [*starts[1:], None], strict=True):
        end = after.start() - 1 if after else len(code.text)
        found[m[1]] = code.part(m.end(), max(end, m.end()))
    return found


def from_json(code: Placed) -> Arguments:
    """The string arguments in a text that holds a JSON object, broken or whole; nested JSON strings are opened."""
    found: dict[str, Placed] = {}
    for pair in _PAIR.finditer(code.text):
        string = _STRING.match(code.text, pair.end())
        if string is None:
            continue
        if pair.start() and code.text[pair.start() - 1] == "\\":
            continue
        value = unescaped(code.part(string.start(1), string.end(1)))
        if value.text.lstrip().startswith("{") and pair[1] in ("arguments", "input", "args"):
            found.update(from_json(value))
        elif pair[1] not in found:
            found[pair[1]] = value
    return found


def unescaped(code: Placed) -> Placed:
    """The text that the inside of a JSON string stands for."""
    if "\\" not in code.text:
        return code
    parts: list[str] = []
    ats: list[int] = []
    places: list[int] = []
    at = size = 0
    for m in _ESCAPE.finditer(code.text):
        for piece, start in ((code.text[at : m.start()], at), (_character(m[0]), m.start())):
            if piece:
                ats.append(size)
                places.append(code.place(start))
                parts.append(piece)
                size += len(piece)
        at = m.end()
    if at < len(code.text):
        ats.append(size)
        places.append(code.place(at))
        parts.append(code.text[at:])
    return Placed("".join(parts), tuple(ats) or (0,), tuple(places) or (0,))


def _character(escape: str) -> str:
    try:
        said = json.loads(f'"{escape}"')
    except ValueError:
        return escape[1:]
    return said if isinstance(said, str) and not 0xD800 <= ord(said[0]) <= 0xDFFF else "\ufffd"


def first(arguments: Arguments, keys: tuple[str, ...]) -> Placed | None:
    """The value of the first of these keys that is there."""
    return next((arguments[k] for k in keys if k in arguments), None)
