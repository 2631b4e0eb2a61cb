"""From the text of a step to the pieces of code in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from monitors.code import arguments as call
from monitors.code.language import OTHER, PYTHON, SHELL, guess, named, of_path, of_tool
from monitors.code.patches import edits, is_patch
from monitors.code.piece import Piece, Placed
from monitors.code.shell import Command, commands
from monitors.code.tags import tagged

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n]*\n", re.M)
_CALLED = re.compile(
    r"(?:>>> )?(?:\$ |CALL |ACTION: |Action: |\[assistant\] ?)?(?:([A-Za-z_]\w*)(?:: |\())?(?=\[?\s*\{\s*\")"
)
_REACT = re.compile(r"(?:Thought:[^\n]*\n+)*Action: ?([\w.-]+) *\n+Action Input: ?")
_EDITOR = re.compile(r"(?:\$ )?(edit|create|open|goto|insert) ([^\n]*)\n?")
_PROMPT = re.compile(r"(?:>>> )?\$ |ACTION: |Action: |\[assistant\] ?")
_CELL = re.compile(r"^# ?%%[^\n]*\n|^In \[\d*\]: ", re.M)
_INLINE = re.compile(r"(?:^|/)(?:python[\d.]*|node|ruby|perl)$")
MAX_PIECES = 400  # of one step; what lies beyond is not looked at, and the verdict says so


class Reader:
    """Reads one trace's steps; it remembers which file an editor has open."""

    def __init__(self) -> None:
        self.open: str | None = None
        self.cut = False

    def pieces(self, code: Placed, channel: str, tool: str | None = None) -> list[Piece]:
        """The pieces of one turn, in order."""
        found: list[Piece] = []
        for piece in self._pieces(code, channel, tool):
            if len(found) == MAX_PIECES:
                self.cut = True
                break
            if piece.text.strip() or piece.old:
                found.append(piece)
        return found

    def _pieces(self, code: Placed, channel: str, tool: str | None) -> Iterator[Piece]:
        calls = list(tagged(code))
        fences = list(_fenced(code))
        if calls and fences and code.text.find("```") > code.text.find("<"):
            fences = []  # they are in what is called
        for given in calls:
            if given.arguments:
                yield from self._call(given.arguments, given.tool)
            elif given.body.text.strip():
                yield from self._whole(given.body, given.tool or tool)
        if fences:
            for word, body, before in fences:
                yield from self._block(body, named(word), _named_before(before))
        elif calls:
            pass
        elif is_patch(code.text):
            yield from edits(code)
        elif channel != "output":
            yield from self._whole(code, tool)
        if channel == "memory":
            yield Piece("note", OTHER, code)

    def _block(self, body: Placed, language: str | None, path: str | None) -> Iterator[Piece]:
        if is_patch(body.text):
            yield from edits(body)
            return
        language = language or of_path(path) or guess(body.text)
        if language == SHELL:
            yield from _shell(body)
        elif language != OTHER or path:
            yield Piece("file" if path else "program", language, body, path)

    def _whole(self, code: Placed, tool: str | None) -> Iterator[Piece]:
        if react := _REACT.match(code.text):
            code, tool = code.part(react.end(), len(code.text)), react[1]
        lead = re.compile(r"\s*").match(code.text)
        head = _CALLED.match(code.text, lead.end() if lead else 0)
        given = call.from_json(code.part(head.end(), len(code.text))) if head else [call.spelled(code)]
        if any(given):
            for one in given:
                name = one.get("name") or one.get("tool")
                yield from self._call(one, (head[1] if head else None) or (name.text if name else None) or tool)
            return
        editor = _EDITOR.match(code.text)
        if editor:
            yield from self._editor(code, editor)
            return
        lead = _PROMPT.match(code.text)
        body = code.part(lead.end(), len(code.text)) if lead else code
        language = of_tool(tool) or guess(body.text)
        if lead and language == OTHER:
            language = SHELL
        if language == SHELL:
            yield from _shell(body)
        elif language == PYTHON:
            yield from _cells(body)
        elif language != OTHER:
            yield Piece("program", language, body)

    def _call(self, given: call.Arguments, tool: str | None) -> Iterator[Piece]:
        path_given, content = call.first(given, call.PATH), call.first(given, call.CONTENT)
        path = path_given.text.strip() if path_given else None
        old, new = call.first(given, call.OLD), call.first(given, call.NEW)
        command, program = call.first(given, call.COMMAND), call.first(given, call.CODE)
        patch = call.first(given, call.PATCH)
        if new is not None and (old is not None or path):
            yield Piece("edit", of_path(path) or guess(new.text), new, path, old.text if old else None)
        elif patch is not None and is_patch(patch.text):
            for piece in edits(patch):
                yield piece if piece.path else replace(piece, path=path, language=of_path(path) or piece.language)
        elif content is not None and path and path.endswith(".ipynb"):
            yield from (p for one in call.from_json(content) if (cell := one.get("source")) for p in _cells(cell))
        elif content is not None and path:
            yield Piece("file", of_path(path) or guess(content.text), content, path)
        elif program is not None:
            yield from self._pieces(program, "action", None) if is_patch(program.text) else _run(program, tool)
        elif command is not None and not path:
            yield from edits(command) if is_patch(command.text) else _shell(command)

    def _editor(self, code: Placed, editor: re.Match[str]) -> Iterator[Piece]:
        """The line editor of SWE-agent: `open file`, `edit 3:7 ... end_of_edit`."""
        word, rest = editor[1], editor[2].strip()
        if word in ("open", "create"):
            self.open = rest.split(" ")[0] or self.open
        elif word in ("edit", "insert"):
            stop = code.text.find("end_of_edit")
            body = code.part(editor.end(), stop if stop >= 0 else len(code.text))
            yield Piece("edit", of_path(self.open) or guess(body.text), body, self.open, None)


def _run(program: Placed, tool: str | None) -> Iterator[Piece]:
    language = of_tool(tool) or guess(program.text)
    if language == SHELL and guess(program.text) in (SHELL, OTHER):
        yield from _shell(program)
    else:
        yield from _cells(program) if language in (PYTHON, OTHER, SHELL) else (Piece("program", language, program),)


def _cells(code: Placed) -> Iterator[Piece]:
    """Python as it is typed: cells of a notebook are one program, lines that begin with ! are the shell's."""
    if "\n!" in code.text or code.text.startswith(("!", "%%bash", "%%sh")):
        lines, at = code.text.split("\n"), 0
        for line in lines:
            if line.startswith("!"):
                yield from _shell(code.part(at + 1, at + len(line)))
            at += len(line) + 1
    yield Piece("program", PYTHON, code)


def _fenced(code: Placed) -> Iterator[tuple[str, Placed, str]]:
    (
        """Each fenced block: its word, its body, and the text before it; a block that is not closed """
        """ends with the text."""
    )
    at = 0
    if "```" not in code.text and "~~~" not in code.text:
        return
    while (opening := _FENCE.search(code.text, at)) is not None:
        close = re.compile(rf"^[ \t]*{opening[1]}[ \t]*$", re.M).search(code.text, opening.end())
        end = close.start() if close else len(code.text)
        yield opening[2], code.part(opening.end(), max(end, opening.end())), code.text[at : opening.start()][-160:]
        at = close.end() if close else len(code.text)


_WRITES = re.compile(
    r"(?i)\b(?:writ(?:e|ing)|creat(?:e|ed|ing)|updat(?:e|ed|ing)|sav(?:e|ed|ing)|modif(?:y|ied"
    r"|ying)|replac(?:e|ed|ing)|edit(?:ed|ing)?|chang(?:e|ed|ing)|overwrit\w+|new)\b"
)
_BEFORE = re.compile(
    r"(?:^|[\s`*\"'(])((?:[\w.-]+/)*[\w-]+\.(?:py|js|ts|tsx|jsx|go|java|cpp|c|cc|h|sh|rb|rs|ya?ml"
    r"|json|toml|cfg|ini|md))[`*\"')]*[ \t]*:?[ \t]*\n?\Z"
)


def _named_before(before: str) -> str | None:
    """The file that the line before a block says it is written to."""
    line = before.rstrip().rsplit("\n", 1)[-1]
    found = _BEFORE.search(line)
    bare = found is not None and not re.search(r"[a-z]{2,} [a-z]{2,}", line[: found.start(1)])
    return found[1] if found and (bare or _WRITES.search(line)) else None


def _shell(code: Placed) -> Iterator[Piece]:
    """A script, and what it writes to files or hands to interpreters."""
    yield Piece("shell", SHELL, code)
    if not ("<<" in code.text or ">" in code.text or " -c" in code.text or " -e" in code.text or "tee" in code.text):
        return
    for command in commands(code.text):
        yield from _written(code, command)


def _written(code: Placed, command: Command) -> Iterator[Piece]:
    path = command.writes[0] if command.writes else None
    if command.body is not None:
        body = code.part(*command.body)
        if command.name in ("cat", "tee", "") and path:
            yield Piece("file", of_path(path) or guess(body.text), body, path)
        elif command.name == "patch" or is_patch(body.text):
            yield from edits(body)
        elif _INLINE.search(command.name):
            yield Piece("program", named(command.name.rstrip("0123456789.")) or PYTHON, body)
        elif command.name in ("bash", "sh"):
            yield from _shell(body)
        return
    if _INLINE.search(command.name):
        for flag, word in zip(command.words, command.words[1:], strict=False):
            if flag in ("-c", "-e"):
                at = code.text.find(word, command.start)
                if at >= 0:
                    language = PYTHON if "python" in command.name else named(command.name) or OTHER
                    yield Piece("program", language, code.part(at, at + len(word)))
                break
    elif path and command.name in ("echo", "printf"):
        said = " ".join(w for w in command.words if w not in ("-e", "-n"))
        at = code.text.find(command.words[-1], command.start) if command.words else -1
        if said and at >= 0:
            body = code.part(at, at + len(command.words[-1]))
            yield Piece("file", of_path(path) or guess(body.text), body, path)
