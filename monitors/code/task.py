"""What the prompt, and tests that the model was shown, say of the task: its examples, and what it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from monitors.code.facts import Literal
from monitors.code.literals import padded, spelled, tokens

MOST_TEXT = 200_000  # characters of prompt and of shown tests that are read for examples
MOST_EXAMPLES = 500
_SECTION = re.compile(
    r"^[ \t>*#]*(?:(?P<input>(?:sample |example |test )?inputs?|stdin)|(?P<output>(?:sample "
    r"|example |expected )?outputs?"
    r"|stdout|expected|answer))(?: ?#?\d+)?[ \t*]*:?[ \t*]*(?=$|[^\n]{0,200}$)",
    re.I | re.M,
)
_FORMAT = re.compile(
    r"^[ \t*#]*(?:input|output)(?: and output)?(?: format| specification|s? and outputs? format)\b", re.I
)
_SECTION_END = re.compile(
    r"^[ \t]*(?:[#*]+ |Note|Explanation|Constraints|Hint|Problem|Task|Your |You |Write |Please |\[\w+\]|```\w+)", re.M
)
_ASSERT = re.compile(r"\bassert(?:Equals?|_equal|That|AlmostEqual|_eq!|\.(?:strictE|deepE|e)qual)?\b|\bexpect\(|>>> ")
_DOCTEST = re.compile(r"^[ \t]*>>> ?(.+)\n[ \t]*([^\n>]+)", re.M)
_ARROW = re.compile(r"\b(\w{1,60}\([^\n]{1,200}\)) *(?:->|=>|→|==|returns?|gives|should be) *([^\n]{1,120})")


@dataclass(frozen=True, slots=True)
class Example:
    """An input that was shown, and its expected output, as runs of tokens; `raw` is the input as it stands there."""

    given: str
    expected: str
    raw: str = ""


@dataclass(frozen=True)
class Task:
    """What was asked; read at need, since most traces never ask."""

    prompt: str
    shown: str = ""  # tests and examples that the environment showed

    @cached_property
    def examples(self) -> tuple[Example, ...]:
        return (*_prompt_examples(self.prompt), *_asserted(self.shown[:MOST_TEXT]))[:MOST_EXAMPLES]

    @cached_property
    def given(self) -> str:
        return padded([e.given for e in self.examples])

    @cached_property
    def expected(self) -> str:
        return padded([e.expected for e in self.examples])

    @cached_property
    def derived(self) -> dict[tuple[str, Literal], list[Example]]:
        """What can be made of inputs, such as `("sum", 42)`, and the examples of which it can."""
        found: dict[tuple[str, Literal], list[Example]] = {}
        for example in self.examples[:100]:
            for made in _made_of(example.raw[:4000]):
                found.setdefault(made, []).append(example)
        return found

    @cached_property
    def words(self) -> frozenset[str]:
        """All tokens of examples."""
        return frozenset(w for e in self.examples for half in (e.given, e.expected) for w in half.split(" "))

    @cached_property
    def told(self) -> frozenset[str]:
        """Tokens of the prompt outside examples: a program may well name what the statement names."""
        return _told(self.prompt)

    def gives(self, literal: Literal) -> bool:
        """Whether an example's input holds the literal."""
        return any(f" {said} " in self.given for said in _spellings(literal))

    def expects(self, literal: Literal) -> bool:
        """Whether an example's expected output holds the literal."""
        said = spelled(literal)
        return bool(said) and f" {said} " in self.expected

    def pairs(self, given: Sequence[Literal], answers: Sequence[Literal]) -> bool:
        """Whether one example has all of these in its input and all of these in its output."""
        wanted = [s for g in given if (s := _spellings(g))]
        answered = [f" {said} " for a in answers if (said := spelled(a))]
        return bool(wanted and answered) and any(
            all(any(f" {w} " in f" {e.given} " for w in ways) for ways in wanted)
            and all(a in f" {e.expected} " for a in answered)
            for e in self.examples
        )

    def tells(self, literal: Literal) -> bool:
        """Whether the statement itself names the literal, outside its examples."""
        return isinstance(literal, int | float | str) and all(t in self.told for t in tokens(str(literal)))


def _spellings(literal: Literal) -> tuple[str, ...]:
    """The runs of tokens that a literal may be in an example: "14-3" is 14 and 3 as well."""
    said = spelled(literal)
    if not said or not isinstance(literal, str) or " " not in said:
        return (said,) if said else ()
    bare = " ".join(w for w in said.split(" ") if w[0].isalnum())
    return (said, bare) if " " in bare and bare != said else (said,)


@lru_cache(maxsize=64)
def _prompt_examples(prompt: str) -> tuple[Example, ...]:
    """The examples of a prompt; its rollouts share what is read of it."""
    text = prompt[:MOST_TEXT]
    return tuple([*_sections(text), *_asserted(text)][:MOST_EXAMPLES])


@lru_cache(maxsize=64)
def _told(prompt: str) -> frozenset[str]:
    text = prompt[:MOST_TEXT]
    for pattern in (_DOCTEST, _ARROW):
        text = pattern.sub(" ", text)
    kept, at = [], 0
    for start, end in _spans(text):
        kept.append(text[at:start])
        at = end
    lines = (line for part in [*kept, text[at:]] for line in part.split("\n") if not _ASSERT.search(line))
    return frozenset(t for line in lines for t in tokens(line))


def _spans(text: str) -> list[tuple[int, int]]:
    """Where inputs and outputs of examples stand."""
    heads = [m for m in _SECTION.finditer(text) if not _FORMAT.match(m.string, m.start())]
    if not heads:
        return []
    spans = []
    for m, after in zip(heads, [*heads[1:], None], strict=True):
        end = after.start() if after else len(text)
        stop = _SECTION_END.search(text, m.end() + 1, end)
        fence = text.find("```", m.end(), end)
        if fence >= 0 and not text[m.end() : fence].strip():
            close = text.find("```", fence + 3, end)
            end = close if close >= 0 else end
        elif stop:
            end = stop.start()
        spans.append((m.start(), end))
    return spans


def _sections(text: str) -> list[Example]:
    """Examples under headings: an input, and the output that follows it."""
    found: list[Example] = []
    given: str | None = None
    raw = ""
    for start, end in _spans(text):
        head = _SECTION.match(text, start)
        if head is None:
            continue
        body = " ".join(tokens(text[head.end() : end].replace("```", " ")))
        if head["input"]:
            given, raw = body, text[head.end() : end]
        elif given is not None and body:
            found.append(Example(given, body, raw))
            given = None
    return found


def _asserted(text: str) -> list[Example]:
    """Examples in tests: `assert f(3) == 7`, `>>> f(3)` and the line after, `expect(f(3)).toBe(7)`, `f(3) -> 7`."""
    found = [Example(" ".join(tokens(m[1])), " ".join(tokens(m[2])), m[1]) for m in _DOCTEST.finditer(text)]
    at = 0
    while (m := _ASSERT.search(text, at)) is not None:
        if m[0] == ">>> ":
            at = m.end()
            continue
        end = _statement_end(text, m.end())
        given, expected = _halves(text[m.end() : end])
        if given:
            found.append(Example(" ".join(tokens(given)), " ".join(tokens(expected)), given))
        at = max(end, m.end())
        if len(found) > MOST_EXAMPLES:
            break
    if not found:
        found = [Example(" ".join(tokens(m[1])), " ".join(tokens(m[2])), m[1]) for m in _ARROW.finditer(text)]
    return found


_LISTS = re.compile(r"\[([^\[\]]{1,2000})\]|^[ \t]*(-?\d+(?:[ \t,]+-?\d+)+)[ \t]*$|[\"']([^\"'\n]{3,400})[\"']", re.M)
_WHOLE = re.compile(r"-?\d{1,18}")


def _made_of(raw: str) -> set[tuple[str, Literal]]:
    """Lengths, sums, largest and smallest of the lists and texts of an input."""
    found: set[tuple[str, Literal]] = set()
    for m in _LISTS.finditer(raw):
        if m[3] is not None:
            found.add(("len", len(m[3])))
            continue
        numbers = [int(n) for n in _WHOLE.findall(m[1] or m[2])]
        found.add(("len", len(numbers) if numbers else m[1].count(",") + 1 if m[1] else 0))
        if len(numbers) > 1:
            found |= {("sum", sum(numbers)), ("max", max(numbers)), ("min", min(numbers))}
    return found


_MATCHER = re.compile(r"\)\s*\.(?:not\.)?(?:to(?:Be|Equal|StrictEqual|Match|Contain)\w*|to\.(?:deep\.)?equal)\(")


def _halves(statement: str) -> tuple[str, str]:
    """What is called, and what is expected of it."""
    if "==" in statement:
        given, _, expected = statement.partition("==")
        return given, expected
    if (m := _MATCHER.search(statement)) is not None:
        return statement[: m.start()], statement[m.end() :]
    depth = 0
    inner = statement.strip().removeprefix("(")
    for i, c in enumerate(inner):
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 0:
            return inner[:i], inner[i + 1 :]
    return inner, ""


def _statement_end(text: str, at: int) -> int:
    """Where a statement ends: at a line's end outside brackets, after 4,000 characters at the latest."""
    depth = 0
    for i in range(at, min(len(text), at + 4000)):
        c = text[i]
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == "\n" and depth <= 0:
            return i
    return min(len(text), at + 4000)
