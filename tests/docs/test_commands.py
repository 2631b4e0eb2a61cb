"""Every `cotmonitor ...` line in the documentation is one that the program understands."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from docs.generate import walk

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/**/*.md")])
COMMANDS = {name: command for name, command, _ in walk()}
FENCE = re.compile(r"^```(?:bash|sh|console)?\n(.*?)^```", re.M | re.S)


def spoken(text: str) -> Iterator[str]:
    """The command lines in fenced blocks, continuation lines joined and prompts removed."""
    for block in FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            line = line.strip().removeprefix("$ ")
            if line.startswith("cotmonitor "):
                yield line


def first_command(line: str) -> list[str]:
    """The words of a line up to a pipe, redirection or `&&`, as a shell would split it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(itertools.takewhile(lambda word: not set(word) <= set("|&;<>()"), lexer))


LINES = [(page.name, line) for page in PAGES if page.exists() for line in spoken(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("page", "line"), LINES, ids=[f"{page}: {line[:60]}" for page, line in LINES])
def test_documented_commands_exist(page: str, line: str) -> None:
    words = first_command(line)
    name = "cotmonitor"
    rest = words[1:]
    while rest and f"{name} {rest[0]}" in COMMANDS:
        name, rest = f"{name} {rest[0]}", rest[1:]
    command = COMMANDS[name]
    assert not isinstance(command, click.Group) or not rest or rest[0].startswith("-"), f"{name} has no {rest[0]}"
    options = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"-h", "--help"}
    own = rest[: rest.index("--")] if "--" in rest else rest
    unknown = [w.split("=")[0] for w in own if re.match(r"--?[a-z]", w) and w.split("=")[0] not in options]
    assert not unknown, f"{name} has no option {unknown}"


def test_the_readme_shows_commands() -> None:
    assert sum(page == "README.md" for page, _ in LINES) >= 8
