"""Tool calls as adapters and transcripts spell them: `key: value` lines, or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from monitors.code.piece import Placed, joined

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
_PAIR = re.compile(r'"([A-Za-z_]\w{0,30})"\s*:\s*(?=["\[])')
_LISTED = re.compile(r'\[\s*(?="(?:[^"\\]|\\.)*"\s*[,\]])', re.S)
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.S)

_AGAIN = frozenset((*COMMAND, *CODE, *PATH, *OLD, *NEW, *CONTENT, *PATCH, "name"))
MAX_CALLS = 200  # in one text
MAX_LISTED = 5000  # strings of one list

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


def from_json(code: Placed) -> list[Arguments]:
    """The string arguments of each call in a text that holds JSON, broken or whole; nested JSON strings are opened.

    A key that comes again begins another call or another edit of the same file.
    """
    groups: list[dict[str, Placed]] = [{}]
    for pair in _PAIR.finditer(code.text):
        if pair.start() and code.text[pair.start() - 1] == "\\":
            continue
        value = _value(code, pair.end(), pair[1])
        if value is None:
            continue
        key, now = pair[1], groups[-1]
        if value.text.lstrip().startswith("{") and key in ("arguments", "input", "args"):
            inner = from_json(value)
            now.update(inner[0] if inner else {})
            groups += [dict(g) for g in inner[1:]]
        elif key not in now:
            now[key] = value
        elif key in _AGAIN and len(groups) < MAX_CALLS:
            kept = {} if key in PATH or key == "name" else {k: v for k, v in now.items() if k in PATH}
            groups.append({**kept, key: value})
    return [g for g in groups if g]


def _value(code: Placed, at: int, key: str) -> Placed | None:
    """The string at a place, or the strings of a list there as one: `["bash", "-lc", "ls"]` is `ls`."""
    string = _STRING.match(code.text, at)
    if string is not None:
        return unescaped(code.part(string.start(1), string.end(1)))
    listed = _LISTED.match(code.text, at)
    if listed is None or key not in (*COMMAND, *CODE, *CONTENT):
        return None
    parts: list[Placed] = []
    here = listed.end()
    while (string := _STRING.match(code.text, here)) is not None and len(parts) < MAX_LISTED:
        if string.end(1) > string.start(1):
            parts.append(unescaped(code.part(string.start(1), string.end(1))))
        gap = re.compile(r"\s*,\s*").match(code.text, string.end())
        if gap is None:
            break
        here = gap.end()
    if key in COMMAND and len(parts) > 1:
        return parts[-1] if parts[-2].text in ("-c", "-lc", "-ic") else joined(parts, " ")
    return joined(parts, "") if parts else None


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
