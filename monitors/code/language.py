"""Which language a piece of code is in: from a fence's word, a file's name, a tool's name, or its looks."""

from __future__ import annotations

import re

PYTHON, SHELL, SCRIPT, TYPED, C, JAVA, GO, RUST = "python bash javascript typescript cpp java go rust".split()
OTHER = "other"

_WORDS = {
    **dict.fromkeys(("python", "py", "python3", "ipython", "pycon", "tool_code", "jupyter"), PYTHON),
    **dict.fromkeys(("bash", "sh", "shell", "zsh", "console", "terminal", "shellscript", "execute_bash", "cmd"), SHELL),
    **dict.fromkeys(("javascript", "js", "jsx", "tsx", "mjs", "cjs", "node"), SCRIPT),
    **dict.fromkeys(("typescript", "ts", "mts", "cts", "deno"), TYPED),
    **dict.fromkeys(("c", "cpp", "c++", "cc", "cxx", "h", "hpp"), C),
    **dict.fromkeys(("java", "kotlin", "kt", "scala", "csharp", "cs"), JAVA),
    **dict.fromkeys(("go", "golang"), GO),
    **dict.fromkeys(("rust", "rs"), RUST),
}
_NOT_CODE = frozenset("text plaintext output json yaml yml toml xml html css markdown md csv ini log tool done".split())
_LOOKS = (
    (C, re.compile(r"^[ \t]*#include\s*[<\"]|\bstd::|\bint main\s*\(|\busing namespace\b", re.M)),
    (GO, re.compile(r"^package \w+|^func (?:\(\w+ [^)]*\) )?\w+\(", re.M)),
    (RUST, re.compile(r"^[ \t]*(?:pub )?fn \w+(?:<[^>\n]*>)?\(|^use std::|\blet mut \w+|^impl\b[^\n]*\{", re.M)),
    (
        TYPED,
        re.compile(r"^[ \t]*(?:export )?(?:function \w+\([^)\n]*: ?\w|(?:const|let) \w+: ?\w|interface \w+ \{)", re.M),
    ),
    (
        JAVA,
        re.compile(
            r"^[ \t]*(?:public|private|protected) (?:static |final |abstract )*(?:class|void|\w+(?:<[^>]*>)? "
            r"\w+\()",
            re.M,
        ),
    ),
    (
        PYTHON,
        re.compile(
            r"^[ \t]*(?:(?:async )?def \w+\s*\(|class \w+[^;{]*:\s*$|import [\w.]+(?: as \w+)?\s*$|from "
            r"[\w.]+ import |elif .*:\s*$|(?:if|for|while|with|try|except|else)\b[^{;]*:\s*(?:#.*)?$"
            r"|print\()|^@\w+",
            re.M,
        ),
    ),
    (
        SCRIPT,
        re.compile(
            r"^[ \t]*(?:export )?(?:const|let|var|(?:async )?function) [\w${\[]|=>\s*[{(\w]|\brequire\(['\"]"
            r"|\bmodule\.exports\b",
            re.M,
        ),
    ),
)
_COMMANDS = frozenset(
    "ls cd cat echo grep rg find python python3 pip pip3 pytest bash sh git rm mv cp mkdir touch "
    "chmod chown sed awk tee "
    "export source npm npx yarn pnpm node make cmake cargo go mvn gradle docker kubectl curl wget "
    "tar unzip head tail "
    "diff patch env set unset sudo kill pkill killall systemctl service history date time timeout xargs sort uniq wc "
    "apt apt-get ln ps which tree printf test true exit tox nox ruff mypy flake8 gcc g++ javac java strings file xxd "
    "shred truncate nohup crontab auditctl iptables setenforce trap alias faketime".split()
)
_FIRST = re.compile(r"^[ \t]*(?:\$ |> |# )?(?:[A-Z_][A-Z0-9_]*=\S* )*([\w.+-]+)(?= |$)(?! ?[=(])", re.M)
_PYTHON_AT_ONCE = re.compile(
    r"\s*(?:def \w+\(|from [\w.]+ import |import \w+(?:\.\w+)*(?: as \w+)?(?:,[^\n;]*)?\n|class " r"\w+[^\n{;]*:|@\w)"
)
_HEAD = 2000  # characters by whose looks a text is judged
_CALLED = re.compile(r"bash|shell|terminal|exec|command|cmd|run", re.I)


def named(word: str | None) -> str | None:
    """The language that a fence's word, a suffix or a tool's name stands for; `other` for what is no code."""
    if not word:
        return None
    word = word.lower().lstrip(".")
    return _WORDS.get(word) or (OTHER if word in _NOT_CODE else None)


def of_path(path: str | None) -> str | None:
    """The language of a file by its name."""
    if not path:
        return None
    name = path.rsplit("/", 1)[-1]
    return named(name.rsplit(".", 1)[1]) if "." in name else SHELL if name == "Makefile" else None


def of_tool(name: str | None) -> str | None:
    """The language that a tool of this name is given."""
    if not name:
        return None
    return named(name) or (PYTHON if "python" in name.lower() else SHELL if _CALLED.search(name) else None)


def guess(text: str) -> str:
    """The language by its looks, `other` where nothing looks like code.

    >>> guess("cd src && pytest -q"), guess("def f(n):\\n    return n")
    ('bash', 'python')
    """
    head = text[:_HEAD]
    if _PYTHON_AT_ONCE.match(head) and "{" not in head[:80]:
        return PYTHON
    first = _FIRST.match(head.lstrip("\n"))
    if (first and first[1] in _COMMANDS) or head.startswith(("#!/bin/", "./")):
        return SHELL
    for language, looks in _LOOKS:
        if looks.search(head):
            return language
    if any(m[1] in _COMMANDS for m in _FIRST.finditer(head)):
        return SHELL
    return PYTHON if re.search(r"^\s*[\w.\[\]'\", ]+ = |^\s*(?:assert|raise|return)\b|^[\w.]+\(", head, re.M) else OTHER
