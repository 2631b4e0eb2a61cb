"""Tool calls between tags: `<function=bash>`, `<invoke name="bash">`, `<tool_call>{...}`, `<write_to_file>`,"
" `<bash>`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from monitors.code.piece import Placed

_OPEN = re.compile(
    r"(?m)(?:^|(?<=>))[ \t]*<(?:\w+:)?(?:function=[\"']?(?P<function>[\w.-]+)[\"']?"
    r"|(?P<invoke>invoke) name=[\"'](?P<name>[^\"'\n]{1,60})[\"']"
    r"|(?P<json>tool_call|tool_use|function_call|tool_code)"
    r"|(?P<known>write_to_file|execute_command|replace_in_file|create_file|edit_file|write_file|apply_diff"
    r"|insert_content|str_replace_editor|str_replace_based_edit_tool|apply_patch|run_command|run_terminal_cmd)"
    r"|(?P<plain>bash|execute_bash|shell|terminal|cmd|execute_ipython|ipython|python|execute_python))>"
)
_PARAMETER = re.compile(r"<(?:\w+:)?parameter(?:=[\"']?(\w+)[\"']?| name=[\"'](\w+)[\"'])[^>\n]{0,40}>")
_CHILD = re.compile(r"<(\w{2,24})>")
_SIGNS = (  # without which there is nothing to search for
    *(
        "<function",
        "invoke name=",
        "<tool_",
        "_file>",
        "execute_",
        "<bash>",
        "<shell>",
        "<terminal>",
        "<cmd>",
        "ython>",
    ),
    *("_content>", "_diff>", "_editor>", "edit_tool>", "_patch>", "_command>", "_cmd>"),
)
MAX_CALLS = 400


@dataclass(frozen=True, slots=True)
class Tagged:
    """A call between tags: its tool, and its arguments, or a body where it has none."""

    tool: str | None
    arguments: dict[str, Placed]
    body: Placed


def tagged(code: Placed) -> Iterator[Tagged]:
    """The calls in a text, in order; a call that is not closed ends where the next begins, or with the text."""
    if not any(sign in code.text for sign in _SIGNS):
        return
    at = 0
    for _ in range(MAX_CALLS):
        opening = _OPEN.search(code.text, at)
        if opening is None:
            return
        what = opening.lastgroup or ""
        close = "function" if what == "function" else "invoke" if opening["invoke"] else opening[what]
        stop = re.compile(rf"</(?:\w+:)?{re.escape(close)}>").search(code.text, opening.end())
        after = _OPEN.search(code.text, opening.end()) if stop is None else None
        end = stop.start() if stop else after.start() if after else len(code.text)
        body = (
            code.part(opening.end(), end) if end > opening.end() else Placed("", (0,), (code.place(opening.start()),))
        )
        at = stop.end() if stop else max(end, opening.end())
        if what == "known":
            yield Tagged(opening["known"], _children(body, _CHILD), body)
        elif what == "plain" or what == "json":
            yield Tagged(opening["plain"], {}, body)
        else:
            yield Tagged(opening["function"] or opening["name"], _children(body, _PARAMETER), body)


def _children(body: Placed, opens: re.Pattern[str]) -> dict[str, Placed]:
    """The values between inner tags, without the line breaks at their ends."""
    found: dict[str, Placed] = {}
    at = 0
    while (m := opens.search(body.text, at)) is not None and len(found) < 20:
        key = next(g for g in m.groups() if g)
        close = "</parameter>" if opens is _PARAMETER else f"</{key}>"
        end = body.text.find(close, m.end())
        after = opens.search(body.text, m.end()) if end < 0 else None
        stop = end if end >= 0 else after.start() if after else len(body.text)
        start = m.end() + body.text.startswith("\n", m.end())
        last = stop - (stop > start and body.text[stop - 1] == "\n")
        found.setdefault(key, body.part(start, last) if last > start else Placed("", (0,), (body.place(m.start()),)))
        at = max(stop, m.end())
    return found
