"""Which layout a file has, told from its columns, and which column serves as what."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from schemas.digest import digest
from schemas.errors import Fault, LayoutError
from schemas.layouts.adapter import Adapter
from schemas.layouts.canonical import CanonicalAdapter
from schemas.layouts.chat import ThoughtArgument
from schemas.layouts.columns import Columns
from schemas.layouts.dimensions import TYPES
from schemas.layouts.flat import STEP_COLUMNS, FlatAdapter, is_list
from schemas.layouts.messages import MessagesAdapter
from schemas.layouts.text import is_text

ADAPTER_VERSION = 3  # raise it when the same file would give other steps than before
LAYOUTS = ("canonical", "flat", "messages", "scout")
ID_COLUMNS = ("trace_id", "id", "uuid", "transcript_id", "sample_id", "conversation_id")
MESSAGE_COLUMNS = ("messages", "conversation", "conversations", "trajectory")
TARGETS = (*TYPES, "metadata", *STEP_COLUMNS, "messages", "steps", "transcript_id")
TOOL = "tool:"
# Scout's names for our dimensions, the newest first.
SCOUT_DIMENSIONS = {
    "started_at": ("date", "eval_created"),
    "environment": ("task_set", "task_name"),
    "task_id": ("task_id",),
    "model": ("model",),
    "success": ("success",),
}
SCOUT_HEAVY = ("events", "timelines", "events_data")  # as large as the messages again, and nothing here reads them
# What others call the columns of `flat`, to suggest a --map; guessing would be worse than asking.
ALSO_CALLED = {
    "prompt": ("question", "problem", "instruction", "input"),
    "reasoning": ("cot", "think", "thinking", "rationale", "reasoning_trace", "reasoning_content", "chain_of_thought"),
    "actions": ("code", "patch", "model_patch"),
    "output": ("answer", "response", "completion", "generation", "output_text"),
}


@dataclass(frozen=True, slots=True)
class LayoutSettings:
    """How columns are read: a layout's name or `auto`, and (target, source) pairs from `--map`.

    `("reasoning", "cot")` reads the column cot as reasoning. `("reasoning", "tool:thoughts")` reads the argument
    `thoughts` of any tool call as reasoning, `("reasoning", "tool:think.thought")` that of the tool `think` alone.
    With `arguments`, adapters that know say where the arguments of tool calls stand; the traces are the same.
    """

    layout: str = "auto"
    rename: tuple[tuple[str, str], ...] = ()
    arguments: bool = False

    @property
    def digest(self) -> str:
        """Changes when the same file could give other traces."""
        return digest("layout", ADAPTER_VERSION, self.layout, *(part for pair in self.rename for part in pair))

    @property
    def thoughts(self) -> tuple[ThoughtArgument, ...]:
        found = []
        for _, source in self.rename:
            if source.startswith(TOOL):
                tool, _, argument = source.removeprefix(TOOL).rpartition(".")
                found.append(ThoughtArgument(tool or None, argument))
        return tuple(found)


def adapter_for(schema: pa.Schema, settings: LayoutSettings, where: str) -> Adapter:
    """The adapter for a file with this schema; `where` is the file's name for errors.

    Raises LayoutError, with all that is wrong at once: columns that fit no layout or two, no trace id, a `--map` from
    a column that is not there.
    """
    faults = list(_setting_faults(schema, settings, where))
    if faults:
        raise LayoutError(faults)
    named = _rename(schema, settings)
    layout = settings.layout if settings.layout != "auto" else _detect(schema, named, where)
    served = dict(_serving(named, layout, {target for target, _ in settings.rename}))
    faults = list(_layout_faults(schema, served, layout, where))
    if faults:
        raise LayoutError(faults)
    columns = _columns(schema, served, layout)
    if layout == "flat":
        return FlatAdapter(columns)
    if layout == "canonical":
        return CanonicalAdapter(columns)
    return MessagesAdapter(columns, layout, settings.thoughts, settings.arguments)


def _setting_faults(schema: pa.Schema, settings: LayoutSettings, where: str) -> Iterator[Fault]:
    for name, count in Counter(schema.names).items():
        if count > 1:
            yield Fault(where, None, f"{count} columns are named {name!r}", "rename all but one of them")
    if settings.layout not in ("auto", *LAYOUTS):
        yield Fault("--layout", None, f"unknown layout {settings.layout!r}", f"use one of {', '.join(LAYOUTS)}")
    for target, source in settings.rename:
        if source.startswith(TOOL):
            if target != "reasoning":
                what = f"{target}={source}: a tool's argument is reasoning or nothing"
                yield Fault("--map", None, what, f"use reasoning={source}")
        elif target not in TARGETS:
            near = difflib.get_close_matches(target, TARGETS, 1) or TARGETS
            yield Fault("--map", None, f"nothing is called {target!r}", f"use {', '.join(near)}")
        elif source not in schema.names and target not in schema.names:
            near = difflib.get_close_matches(source, schema.names, 1)
            todo = f"did you mean {near[0]}?" if near else f"its columns are {', '.join(schema.names)}"
            yield Fault(where, None, f"has no column {source!r} (--map {target}={source})", todo)


def _rename(schema: pa.Schema, settings: LayoutSettings) -> dict[str, str]:
    """Source column by the name under which it is read. A file that has only the target's own name keeps it."""
    pairs = {t: s for t, s in settings.rename if s in schema.names and not s.startswith(TOOL)}
    named = {name: name for name in schema.names if name not in pairs.values()}
    return named | pairs


def _detect(schema: pa.Schema, named: dict[str, str], where: str) -> str:
    types = {name: schema.field(source).type for name, source in named.items()}
    chats = [name for name in MESSAGE_COLUMNS if name in types and (is_text(types[name]) or is_list(types[name]))]
    texts = [name for name in STEP_COLUMNS if name in types]
    if "transcript_id" in types and "messages" in chats:
        return "scout"
    if "steps" in types and _is_steps(types["steps"]):
        return "canonical"
    if chats and texts not in ([], ["prompt"]):  # a prompt beside the conversation repeats its beginning
        what = f"both {chats[0]} and {', '.join(texts)} could hold the traces; the other would be cut to metadata"
        raise LayoutError([Fault(where, None, what, "say which with --layout messages or --layout flat")])
    if chats:
        return "messages"
    if texts:
        _refuse_lookalikes(types, where)
        return "flat"
    if "transcript_id" in types and not chats:
        what = "it lists transcripts and holds no messages, like the index of a Scout database"
        raise LayoutError([Fault(where, None, what, "give its transcripts_*.parquet files")])
    guesses = [f"{target}={name}" for target, name in _lookalikes(types, ALSO_CALLED)]
    todo = f"name them with --map, e.g. --map {','.join(guesses) or 'reasoning=COLUMN,output=COLUMN'}"
    raise LayoutError([Fault(where, None, f"no layout explains its columns ({', '.join(schema.names)})", todo)])


def _refuse_lookalikes(types: dict[str, pa.DataType], where: str) -> None:
    """A file whose reasoning has another name would read as one without; so would `Output` as one without output."""
    others: dict[str, Sequence[str]] = {**dict.fromkeys(STEP_COLUMNS, ()), "reasoning": ALSO_CALLED["reasoning"]}
    texts = [name for name, kind in types.items() if is_text(kind) or is_list(kind)]
    found = [(target, name) for target, name in _lookalikes(texts, others) if target not in types]
    if found:
        what = f"column {found[0][1]!r} could be the {found[0][0]}, and would be cut to metadata"
        pairs = ",".join(f"{target}={name}" for target, name in dict(found).items())
        raise LayoutError([Fault(where, None, what, f"say --map {pairs}, or --layout flat to have it so")])


def _lookalikes(types: Iterable[str], others: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """(target, column) for columns named like a target but for their case, or by one of its other names."""
    for target, names in others.items():
        for known in (target, *names):
            yield from ((target, name) for name in types if name.lower() == known)


def _is_steps(kind: pa.DataType) -> bool:
    return (
        is_list(kind)
        and pa.types.is_struct(kind.value_type)
        and all(kind.value_type.get_field_index(name) >= 0 for name in ("role", "channel", "text"))
    )


def _serving(named: dict[str, str], layout: str, mapped: set[str]) -> Iterator[tuple[str, str]]:
    """(target, source) for all that the layout reads."""
    ids = ("transcript_id", *ID_COLUMNS) if layout == "scout" and "trace_id" not in mapped else ID_COLUMNS
    for name in ids:
        if name in named:
            yield "trace_id", named[name]
            break
    for target in TYPES:
        others = SCOUT_DIMENSIONS.get(target, ()) if layout == "scout" else ()
        for name in (target, *others) if target != "trace_id" else ():
            if name in named:
                yield target, named[name]
                break
    texts = {"flat": STEP_COLUMNS, "canonical": ("steps",), "scout": ("messages",), "messages": MESSAGE_COLUMNS}[layout]
    for name in texts:
        if name in named:
            yield "messages" if layout in ("messages", "scout") else name, named[name]
            if layout != "flat":
                break
    if layout == "scout" and "score" in named:
        yield "score", named["score"]


def _layout_faults(schema: pa.Schema, served: dict[str, str], layout: str, where: str) -> Iterator[Fault]:
    if "trace_id" not in served:
        what = f"no column can be the trace's id ({' or '.join(ID_COLUMNS)}); its columns are {', '.join(schema.names)}"
        yield Fault(where, None, what, "name one with --map trace_id=COLUMN")
    wanted = {"flat": STEP_COLUMNS, "canonical": ("steps",)}.get(layout, ("messages",))
    held = [target for target in wanted if target in served]
    if not held:
        what = f"layout {layout} needs {' or '.join(wanted)}; its columns are {', '.join(schema.names)}"
        yield Fault(where, None, what, f"name it with --map {wanted[-1]}=COLUMN, or choose another --layout")
    for target in held:
        kind = schema.field(served[target]).type
        if layout == "canonical" and not _is_steps(kind) and not pa.types.is_null(kind):
            what = f"column {served[target]!r} is {kind}"
            yield Fault(where, None, what, "canonical steps are list<struct<role, channel, name, text, redacted>>")
        if target == "messages" and not (is_text(kind) or is_list(kind) or pa.types.is_null(kind)):
            what = f"column {served[target]!r} is {kind}"
            yield Fault(where, None, what, "messages are a list of objects, or that list as JSON")
        if layout == "flat" and _is_chat(kind):
            todo = f"read it with --layout messages --map messages={served[target]}"
            yield Fault(where, None, f"column {served[target]!r} holds chat messages, not text", todo)


def _is_chat(kind: pa.DataType) -> bool:
    return (
        is_list(kind)
        and pa.types.is_struct(kind.value_type)
        and any(kind.value_type.get_field_index(name) >= 0 for name in ("role", "from"))
    )


def _columns(schema: pa.Schema, served: dict[str, str], layout: str) -> Columns:
    used = set(served.values()) - ({served["score"]} if "score" in served else set())
    skipped = SCOUT_HEAVY if layout == "scout" else ()
    unknown = tuple(name for name in schema.names if name not in used and name not in skipped)
    needed = tuple(name for name in schema.names if name in used or name in unknown)
    return Columns(tuple(served.items()), unknown, needed)
