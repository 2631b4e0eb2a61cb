"""What a program does, in terms that all languages share: detectors ask this and never a syntax tree."""

from __future__ import annotations

from dataclasses import dataclass, field

Literal = int | float | complex | str | bytes | bool | None | tuple["Literal", ...]

# what a body does, of a function or an exception handler
EMPTY, CONSTANT, RAISES, LOGIC = "empty", "constant", "raises", "logic"
HASHED, LOOP = "hash", "loop"  # tests of something that was hashed, and of a loop's counter
DERIVED = ("len", "sum", "max", "min")  # tests of what was made of an input


@dataclass(frozen=True, slots=True)
class Test:
    """`subject == literal`; `kind` says what the subject is if it is no plain value: `HASHED`, `LOOP`, or `DERIVED`."""

    subject: str
    literals: tuple[Literal, ...]
    kind: str = "eq"


@dataclass(frozen=True, slots=True)
class Branch:
    """A condition over equalities with literals; `answers` are the constants it gives, if it gives nothing else."""

    tests: tuple[Test, ...]
    answers: tuple[Literal, ...]
    fixed: bool
    start: int
    end: int
    exact: bool = True  # False where the condition asks other things too


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping or list of constants, in a program."""

    keys: tuple[Literal, ...]
    values: tuple[Literal, ...]
    name: str  # what it is assigned to, or `return`; nothing where it is an argument or an operand
    start: int
    end: int
    testing: bool = False  # it stands in a test


@dataclass(frozen=True, slots=True)
class Function:
    """A function: what its body comes to, and how many statements it has, a docstring not counted."""

    name: str
    owner: str  # the class it is in, or nothing
    params: tuple[str, ...]
    body: str
    value: Literal
    size: int
    decorators: tuple[str, ...]
    start: int
    end: int
    bases: tuple[str, ...] = ()  # of its class
    top: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """A call by its dotted name, the literals given to it, and the functions it stands in, outermost first."""

    name: str
    args: tuple[Literal, ...]
    words: str  # its arguments as they are written
    within: tuple[str, ...]
    guarded: bool  # under `if __name__ == "__main__"`
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """`target = value`; `value` is its source, `fixed` whether it is a constant or a function that gives one."""

    target: str
    value: str
    fixed: bool
    literal: Literal
    within: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Handler:
    """An exception handler: what it catches, what it does, and how much it protects."""

    catches: tuple[str, ...]
    body: str
    value: Literal
    protects: int
    share: float  # of the statements of its function
    asserts: bool  # whether what it protects asserts something
    within: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Gate:
    """`if n > 1000: return -1`: a constant or a guess beyond a size, while the rest is worked out."""

    subject: str
    limit: float
    answers: tuple[Literal, ...]
    guesses: bool  # the answer is drawn at random
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read of one piece; `broken` where some of it could not be parsed."""

    branches: list[Branch] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    handlers: list[Handler] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    prints: list[tuple[Literal, int, int]] = field(default_factory=list)
    counters: list[tuple[str, int, int]] = field(default_factory=list)  # state that counts calls
    asserts: list[tuple[str, int, int]] = field(default_factory=list)
    reads_input: list[int] = field(default_factory=list)
    nested: list[tuple[str, int, int]] = field(default_factory=list)  # programs in strings

    def add(self, other: Facts) -> None:
        """Take in what was read of another part of the same piece."""
        for name in Facts.__dataclass_fields__:
            getattr(self, name).extend(getattr(other, name))
