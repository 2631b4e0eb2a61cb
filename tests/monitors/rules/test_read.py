"""Every fault of a pack is named with its line and what to do, and all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitors.rules import load_pack, read_pack
from monitors.rules.pack import AllOf, AnyOf, Example, Guard, Near, NotOf, Then, Use
from schemas.errors import PackError
from tests.monitors.rules.making import GOOD, HEAD, RULE


def faults_of(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "p.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PackError) as caught:
        read_pack(str(path))
    return [str(fault).removeprefix(str(path)) for fault in caught.value.faults]


BEHAVIOURS = "use one of TG01"
FAULTS: dict[str, tuple[str, str, list[str]]] = {
    "unknown level": (
        "level: medium",
        "level: severe",
        [
            ":9: rule TG08.lookup: unknown level 'severe'. Use one of informational, low, medium, high, critical.",
        ],
    ),
    "near miss of a level": (
        "level: medium",
        "level: meduim",
        [
            ":9: rule TG08.lookup: unknown level 'meduim'. Did you mean 'medium'? "
            "Use one of informational, low, medium, high, critical.",
        ],
    ),
    "unknown status": (
        "status: stable",
        "status: new",
        [":8: rule TG08.lookup: unknown status 'new'. Use one of stable, experimental."],
    ),
    "near miss of a behaviour": (
        "behaviour: TG08",
        "behaviour: tg08",
        [":11: rule TG08.lookup: unknown behaviour 'tg08'. Did you mean 'TG08'."],
    ),
    "category of another behaviour": (
        "category: test_gaming",
        "category: hidden_objective",
        [":12: rule TG08.lookup: TG08 is not hidden_objective. Its category is test_gaming."],
    ),
    "id of another behaviour": (
        "id: TG08.lookup",
        "id: TG09.lookup",
        [":6: rule TG09.lookup: id does not begin with its behaviour. Call it TG08.lookup."],
    ),
    "id without a behaviour": (
        "id: TG08.lookup",
        "id: lookup",
        [":6: rule lookup: id 'lookup' is not <behaviour>.<slug>. Write it like TG08.lookup-table."],
    ),
    "confidence above one": (
        "confidence: 0.7",
        "confidence: 70",
        [":10: rule TG08.lookup: confidence: 70 is out of range. Give a number from 0 to 1."],
    ),
    "confidence in words": (
        "confidence: 0.7",
        "confidence: high",
        [":10: rule TG08.lookup: confidence: expected a number, found text high. Give one from 0 to 1."],
    ),
    "version is no number": (
        "    version: 1",
        "    version: one",
        [":7: rule TG08.lookup: version: expected a whole number, found text one. Give one at least 1."],
    ),
    "version zero": (
        "    version: 1",
        "    version: 0",
        [":7: rule TG08.lookup: version: 0 is out of range. Give a whole number at least 1."],
    ),
    "unknown key": (
        "    status: stable",
        "    status: stable\n    severity: 3",
        [
            ":9: rule TG08.lookup: unknown key 'severity'. Use one of id, version, status, level, "
            "confidence, behaviour, category, description, channels, patterns, when, falsepositives, "
            "references, tests, stance, unless.",
        ],
    ),
    "near miss of a key": (
        "    when: table",
        "    wen: table",
        [
            ":6: rule TG08.lookup: when is missing.",
            ":17: rule TG08.lookup: unknown key 'wen'. Did you mean 'when'.",
        ],
    ),
    "a key twice": (
        "    level: medium",
        "    level: medium\n    level: low",
        [":10: rule TG08.lookup: level is given twice. The first is on line 9."],
    ),
    "a pattern twice": (
        "      table: 'hard-code'",
        "      table: 'hard-code'\n      table: 'other'",
        [":17: rule TG08.lookup: patterns: table is given twice. The first is on line 16."],
    ),
    "unknown channel": (
        "channels: [reasoning]",
        "channels: [thoughts]",
        [":14: rule TG08.lookup: channels: unknown channel 'thoughts'. Use one of reasoning, action, output, memory."],
    ),
    "a channel that only a pattern may name": (
        "channels: [reasoning]",
        "channels: [prompt]",
        [":14: rule TG08.lookup: channels: unknown channel 'prompt'. Use one of reasoning, action, output, memory."],
    ),
    "no channel": (
        "channels: [reasoning]",
        "channels: []",
        [":14: rule TG08.lookup: channels: is empty. Use some of reasoning, action, output, memory."],
    ),
    "a channel twice": (
        "channels: [reasoning]",
        "channels: [reasoning, reasoning]",
        [":14: rule TG08.lookup: channels: reasoning is given twice."],
    ),
    "channels as text": (
        "channels: [reasoning]",
        "channels: reasoning",
        [":14: rule TG08.lookup: channels: expected a list, found text."],
    ),
    "a stance that never alerts": (
        "    level: medium",
        "    level: medium\n    stance: rejected",
        [
            ":10: rule TG08.lookup: unknown stance 'rejected'. Use one of executed, attempted, planned, contemplated, "
            "disclosed, quoted_or_fiction, unclear.",
        ],
    ),
    "a pattern nobody uses": (
        "      table: 'hard-code'",
        "      table: 'hard-code'\n      spare: 'x'",
        [":17: rule TG08.lookup: pattern spare is never used. Name it in when, or remove it."],
    ),
    "a pattern that is not there": (
        "when: table",
        "when: tabel",
        [
            ":16: rule TG08.lookup: pattern table is never used. Name it in when, or remove it.",
            ":17: rule TG08.lookup: unknown pattern 'tabel'. Did you mean 'table'? The rule has table.",
        ],
    ),
    "a pattern with an operator's name": (
        "      table: 'hard-code'",
        "      near: 'hard-code'",
        [
            ":16: rule TG08.lookup: pattern near: is not a name. "
            "Use lower-case letters, digits, - and _, and no operator.",
            ":16: rule TG08.lookup: pattern near is never used. Name it in when, or remove it.",
            ":17: rule TG08.lookup: unknown pattern 'table'. The rule has near.",
        ],
    ),
    "a name that YAML reads as a truth": (
        "      table: 'hard-code'",
        "      table: 'hard-code'\n      yes: 'x'",
        [":17: rule TG08.lookup: patterns: key: expected text, found true/false yes. Put it in quotes."],
    ),
    "a pattern that YAML reads as a number": (
        "'hard-code'",
        "42",
        [
            ":16: rule TG08.lookup: pattern table: expected text, found a whole number 42. Put it in quotes.",
            ":17: rule TG08.lookup: unknown pattern 'table'.",
        ],
    ),
    "an unbounded star": (
        "'hard-code'",
        "'hard.*code'",
        [
            ":16: rule TG08.lookup: pattern table: nothing bounds the length of a match (.*). "
            "Write {0,N} instead of *, + or {n,}.",
        ],
    ),
    "an unbounded group": (
        "'hard-code'",
        "'(?:hard-)+code'",
        [
            ":16: rule TG08.lookup: pattern table: nothing bounds the length of a match ((...)+). "
            "Write {0,N} instead of *, + or {n,}.",
        ],
    ),
    "a span too long": (
        "'hard-code'",
        "'a.{0,1000}.{0,1000}b'",
        [":16: rule TG08.lookup: pattern table: a match may be 2002 code points long. Keep it to 2000."],
    ),
    "an empty match": (
        "'hard-code'",
        "'(?:code)?'",
        [":16: rule TG08.lookup: pattern table: it matches the empty text. Make some part of it required."],
    ),
    "a look-around": (
        "'hard-code'",
        "'hard(?=-code)'",
        [
            ":16: rule TG08.lookup: pattern table: RE2 refuses it: invalid perl operator: (?=. "
            "RE2 has no look-around; use unless or not.",
        ],
    ),
    "a back-reference": (
        "'hard-code'",
        "'(a)\\1'",
        [
            ":16: rule TG08.lookup: pattern table: RE2 refuses it: invalid escape sequence: \\1. "
            "RE2 has no back-references, \\u or \\Z; write \\x{..} and \\z.",
        ],
    ),
    "half a character": (
        "'hard-code'",
        "'hard\\Ccode'",
        [":16: rule TG08.lookup: pattern table: \\C may cut a character in two. Use . or a class."],
    ),
    "a costly expression": (
        "'hard-code'",
        "'\\b\\pL{1,100}\\b'",
        [
            ":16: rule TG08.lookup: pattern table: too costly to run, with more than 60000 RE2 instructions. "
            "Use narrower classes or smaller counts.",
        ],
    ),
    "two operators": (
        "when: table",
        "when: {any: [table], all: [table]}",
        [":17: rule TG08.lookup: when: expected one operator, found 2. Use one of any, all, not, near, then."],
    ),
    "unknown operator": (
        "when: table",
        "when: {every: [table]}",
        [
            ":17: rule TG08.lookup: when: unknown operator 'every'. Use one of any, all, not, near, then.",
        ],
    ),
    "not alone": (
        "when: table",
        "when: {not: table}",
        [":17: rule TG08.lookup: when: not: stands alone. Use it inside all, beside what must be there."],
    ),
    "nothing but not": (
        "when: table",
        "when: {all: [{not: table}]}",
        [":17: rule TG08.lookup: when: all: nothing but not. Name what must be there as well."],
    ),
    "near one": (
        "when: table",
        "when: {near: {of: [table], within: 9}}",
        [
            ":17: rule TG08.lookup: when: near: of: 1 operands. Give at least 2.",
        ],
    ),
    "near six": (
        "when: table",
        "when: {near: {of: [table, table, table, table, table, table], within: 9}}",
        [":17: rule TG08.lookup: when: near: of: 6 operands. Give at most 5."],
    ),
    "near too far": (
        "when: table",
        "when: {near: {of: [table, table], within: 2001}}",
        [":17: rule TG08.lookup: when: near: within: 2001 is out of range. Give a whole number from 0 to 2000."],
    ),
    "near in a trace": (
        "when: table",
        "when: {near: {of: [table, table], within: trace}}",
        [":17: rule TG08.lookup: when: near: unknown within 'trace'. Use one of step."],
    ),
    "near across channels": (
        "      table: 'hard-code'\n    when: table",
        "      table: 'hard-code'\n      b: {regex: 'b', channels: [action]}\n"
        "    when: {near: {of: [table, b], within: 9}}",
        [
            ":6: rule TG08.lookup: near: its operands look in no common channel. "
            "A step has one channel; use all or then instead.",
        ],
    ),
    "then without reasoning": (
        "      table: 'hard-code'\n    when: table",
        "      table: {regex: 'b', channels: [action]}\n    when: {then: {first: table, later: table}}",
        [
            ":6: rule TG08.lookup: then: first looks in no reasoning. Let its pattern look in channel reasoning.",
        ],
    ),
    "then without later": (
        "when: table",
        "when: {then: {first: table}}",
        [":17: rule TG08.lookup: when: then: later is missing."],
    ),
    "unknown guard": (
        "    when: table",
        "    when: table\n    unless: [declines]",
        [":18: rule TG08.lookup: unless[0]: unknown guard 'declines'."],
    ),
    "guard with channel and within": (
        "    when: table",
        "    when: table\n    unless: [{regex: a, channel: prompt, within: 9}]",
        [":18: rule TG08.lookup: unless[0]: channel is searched as a whole. Leave out within and side."],
    ),
    "guard for a side of the trace": (
        "    when: table",
        "    when: table\n    unless: [{regex: a, within: trace, side: before}]",
        [":18: rule TG08.lookup: unless[0]: a trace has no sides. Leave out side."],
    ),
    "guard with an unbounded expression": (
        "    when: table",
        "    when: table\n    unless: [{regex: 'a+'}]",
        [
            ":18: rule TG08.lookup: unless[0]: nothing bounds the length of a match (a+). "
            "Write {0,N} instead of *, + or {n,}.",
        ],
    ),
    "guard out of reach": (
        "    when: table",
        "    when: table\n    unless: [{regex: a, within: paragraph}]",
        [":18: rule TG08.lookup: unless[0]: unknown within 'paragraph'. Use one of sentence, step, trace."],
    ),
    "no false positives": (
        "falsepositives: [documented edge cases]",
        "falsepositives: []",
        [":18: rule TG08.lookup: falsepositives: is empty."],
    ),
    "no references": (
        "    references: [none]\n",
        "",
        [":6: rule TG08.lookup: references is missing."],
    ),
    "one test": (
        'match: ["I hard-code it.", "We hard-code it."]\n',
        'match: ["I hard-code it."]\n',
        [":21: rule TG08.lookup: tests: match: 1 given. Give at least two."],
    ),
    "no tests of what must not match": (
        '      no_match: ["I code hard.", "It is hard code."]\n',
        "",
        [":21: rule TG08.lookup: tests: no_match is missing."],
    ),
    "a test in an unknown channel": (
        '"I code hard."',
        "{thought: I code hard.}",
        [
            ":22: rule TG08.lookup: tests: no_match[0]: unknown channel 'thought'. "
            "Use one of prompt, reasoning, action, observation, output, memory.",
        ],
    ),
    "pack without a name": ("pack: tried\n", "", [":1: pack: pack is missing."]),
    "pack with a strange name": (
        "pack: tried\n",
        "pack: Tried One\n",
        [
            ":1: pack: 'Tried One' is not a name. Use lower-case letters, digits and -.",
            ":4: pack: canary is not this pack's. Write COTMONITOR-CANARY-DO-NOT-TRAIN:pack:Tried One.",
        ],
    ),
    "pack version": (
        "version: 1.0.0",
        "version: v1",
        [":2: pack: version 'v1' is not semantic. Write it like 1.0.0."],
    ),
    "canary of another pack": (
        "DO-NOT-TRAIN:pack:tried",
        "DO-NOT-TRAIN:pack:other",
        [":4: pack: canary is not this pack's. Write COTMONITOR-CANARY-DO-NOT-TRAIN:pack:tried."],
    ),
}


@pytest.mark.parametrize(("good", "bad", "messages"), FAULTS.values(), ids=FAULTS)
def test_fault(tmp_path: Path, good: str, bad: str, messages: list[str]) -> None:
    assert GOOD.count(good) == 1
    assert faults_of(tmp_path, GOOD.replace(good, bad)) == messages


SHAPES = {
    "not YAML": ("a: [", ":1: not valid YAML: expected the node content, but found '<stream end>'."),
    "not a mapping": ("- a", ":1: pack: expected a mapping, found a list."),
    "nothing": ("", ": the file is empty."),
    "a control character": ("a: \x01", ": not valid YAML: unacceptable character #x0001: special characters are not"),
    "two documents": (
        HEAD + "---\n" + RULE,
        ":5: not valid YAML: but found another document.",
    ),
    "no rules": (HEAD, ": the pack has no rules."),
    "rules as text": (HEAD + "rules: none", ":5: rules: expected a list, found text."),
}


@pytest.mark.parametrize(("text", "message"), SHAPES.values(), ids=SHAPES)
def test_shape(tmp_path: Path, text: str, message: str) -> None:
    assert faults_of(tmp_path, text)[0].startswith(message)


def test_all_faults_of_all_rules_are_reported_in_order(tmp_path: Path) -> None:
    second = RULE.removeprefix("rules:\n").replace("TG08.lookup", "TG08.other").replace("stable", "unstable")
    text = GOOD.replace("medium", "severe").replace("'hard-code'", "'a*'") + second
    assert [fault.split(":")[1] for fault in faults_of(tmp_path, text)] == ["9", "16", "25"]


def test_an_id_given_twice_says_where_the_first_is(tmp_path: Path) -> None:
    text = GOOD + RULE.removeprefix("rules:\n")
    [fault] = faults_of(tmp_path, text)
    assert fault == f":23: rule TG08.lookup: the id is given twice. The first is at {tmp_path / 'p.yml'}:6."


FAULTY = {
    "the first": (GOOD.replace("medium", "severe"), RULE, [":9", ":23"]),
    "the second": (GOOD, RULE.replace("'hard-code'", "'a*'"), [":23", ":33"]),
    "both": (GOOD.replace("medium", "severe"), RULE.replace("stable", "unstable"), [":9", ":23", ":25"]),
    "the pack": (GOOD.replace("version: 1.0.0", "version: v1"), RULE, [":2", ":23"]),
    "a third": (GOOD, RULE + RULE.removeprefix("rules:\n").replace("lookup", "Other"), [":23", ":40"]),
}


@pytest.mark.parametrize(("first", "second", "lines"), FAULTY.values(), ids=FAULTY)
def test_an_id_given_twice_is_told_beside_the_faults_of(
    tmp_path: Path, first: str, second: str, lines: list[str]
) -> None:
    faults = faults_of(tmp_path, first + second.removeprefix("rules:\n"))
    assert [fault[: fault.index(": ")] for fault in faults] == lines
    assert f":23: rule TG08.lookup: the id is given twice. The first is at {tmp_path / 'p.yml'}:6." in faults


def test_an_id_given_twice_in_two_files_is_told_beside_other_faults(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "pack.yml").write_text(HEAD)
    (folder / "a.yml").write_text(RULE.replace("medium", "severe"))
    (folder / "b.yml").write_text(RULE.replace("    when: table\n", ""))
    with pytest.raises(PackError) as caught:
        read_pack(str(folder))
    assert [str(f).split(". ")[0] for f in caught.value.faults] == [
        "mine/a.yml:5: rule TG08.lookup: unknown level 'severe'",
        "mine/b.yml:2: rule TG08.lookup: when is missing.",
        "mine/b.yml:2: rule TG08.lookup: the id is given twice",
    ]


def test_ids_that_are_no_text_are_not_compared(tmp_path: Path) -> None:
    text = (GOOD + RULE.removeprefix("rules:\n")).replace("TG08.lookup", "null")
    assert [fault.split(":")[1] for fault in faults_of(tmp_path, text)] == ["6", "23"]


def test_a_condition_at_fault_is_told_beside_other_faults(tmp_path: Path) -> None:
    text = GOOD.replace("medium", "severe").replace(
        "      table: 'hard-code'\n    when: table",
        "      table: 'hard-code'\n      b: {regex: 'b', channels: [action]}\n"
        "    when: {all: [{near: {of: [table, b], within: 9}}, {then: {first: b, later: table}}]}",
    )
    assert [fault.split(". ")[0] for fault in faults_of(tmp_path, text)] == [
        ":6: rule TG08.lookup: near: its operands look in no common channel",
        ":6: rule TG08.lookup: then: first looks in no reasoning",
        ":9: rule TG08.lookup: unknown level 'severe'",
    ]


def test_nothing_is_said_of_a_condition_whose_channels_are_at_fault(tmp_path: Path) -> None:
    text = GOOD.replace("channels: [reasoning]", "channels: [reasonin, action]").replace(
        "when: table", "when: {all: [{near: {of: [table, table], within: 9}}, {then: {first: table, later: table}}]}"
    )
    [fault] = faults_of(tmp_path, text)
    assert fault.startswith(":14: rule TG08.lookup: channels: unknown channel 'reasonin'. Did you mean 'reasoning'?")


RICH = GOOD.replace(
    "    patterns:\n      table: 'hard-code'\n    when: table\n",
    """\
    stance: planned
    patterns:
      a: 'hard-code'
      b: {regex: 'write', channels: [action, memory]}
    when:
      any:
        - all: [a, {not: b}]
        - near: {of: [a, {any: [a]}], within: 120}
        - near: {of: [a, a], within: step}
        - then: {first: a, later: b}
    unless:
      - shared
      - {regex: x, within: 80, side: after}
      - {regex: y, within: trace}
      - {regex: z, channel: prompt}
""",
).replace("rules:\n", "guards:\n  shared: {regex: 'no'}\nrules:\n")


def test_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "p.yml"
    path.write_text(
        RICH.replace('"I hard-code it."', '{prompt: "Fix f", action: "hard-code"}').replace(
            '"I code hard."', '[{reasoning: "a"}, {reasoning: "b"}]'
        )
    )
    [rule] = read_pack(str(path)).rules
    a, b = Use("a"), Use("b")
    assert rule.when == AnyOf(
        (AllOf((a, NotOf(b))), Near((a, AnyOf((a,))), 120), Near((a, a), None), Then(a, b)),
    )
    assert rule.unless == (
        Guard("shared", "no", "sentence"),
        Guard("", "x", 80, "after"),
        Guard("", "y", "trace"),
        Guard("", "z", "sentence", "both", "prompt"),
    )
    assert [(p.name, p.channels) for p in rule.patterns] == [("a", ("reasoning",)), ("b", ("action", "memory"))]
    assert rule.match[0] == Example((("prompt", "Fix f"), ("action", "hard-code")))
    assert rule.match[1] == Example((("reasoning", "We hard-code it."),))
    assert rule.no_match[0] == Example((("reasoning", "a"), ("reasoning", "b")))
    assert rule.listens == ("reasoning", "action", "memory")
    assert (rule.stance, rule.line, rule.file) == ("planned", 8, str(path))


def test_a_pack_is_right_on_its_own_tests_or_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "p.yml"
    path.write_text(GOOD.replace("I hard-code it.", "I code it.").replace("It is hard code.", "It is hard-coded."))
    with pytest.raises(PackError) as caught:
        load_pack(str(path))
    assert [str(fault).removeprefix(str(path)) for fault in caught.value.faults] == [
        ":21: rule TG08.lookup: match test 1 does not fire on 'I code it.'.",
        ":22: rule TG08.lookup: no_match test 2 fires on 'hard-code' in 'It is hard-coded.'. "
        "Narrow the pattern, or add a guard.",
    ]
    assert read_pack(str(path)).rules


def test_a_folder_has_one_head_and_files_of_rules(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "pack.yml").write_text(HEAD + "guards:\n  shared: {regex: 'no'}\n")
    (folder / "b.yml").write_text(RULE.replace("    when: table", "    when: table\n    unless: [shared]"))
    (folder / "a.yml").write_text(RULE.replace("TG08.lookup", "TG08.other"))
    (folder / "notes.txt").write_text("not a rule")
    assert [rule.id for rule in load_pack(str(folder)).rules] == ["TG08.other", "TG08.lookup"]


def test_faults_in_a_folder_name_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "pack.yml").write_text(HEAD)
    (folder / "a.yml").write_text(GOOD)
    (folder / "b.yml").write_text(RULE.replace("medium", "severe"))
    (folder / "c.yml").write_bytes(b"rules: \xff")
    with pytest.raises(PackError) as caught:
        read_pack(str(folder))
    assert [str(f).split(". ")[0] for f in caught.value.faults] == [
        "mine/a.yml:1: file: unknown key 'pack'",
        "mine/a.yml:2: file: unknown key 'version'",
        "mine/a.yml:3: file: unknown key 'description'",
        "mine/a.yml:4: file: unknown key 'canary'",
        "mine/b.yml:2: rule TG08.lookup: the id is given twice",
        "mine/b.yml:5: rule TG08.lookup: unknown level 'severe'",
        "mine/c.yml: is not UTF-8 text.",
    ]


def test_a_folder_without_a_head_and_a_pack_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"the folder has no pack\.yml\. Put pack, version and canary there\."):
        read_pack(str(tmp_path))
    with pytest.raises(PackError, match=r"nowhere: no such rule pack\. Give a \.yml file, a folder, or one of core\."):
        read_pack("nowhere")


SAME = {
    "a comment": ("rules:\n", "# a comment\nrules:\n"),
    "a test": ('"I code hard."', '"I code softly."'),
    "a false positive": ("documented edge cases", "edge cases"),
    "a reference": ("references: [none]", "references: [some]"),
}
OTHER = {
    "a pattern": ("'hard-code'", "'hard-?code'"),
    "a level": ("level: medium", "level: low"),
    "a confidence": ("confidence: 0.7", "confidence: 0.8"),
    "a description, which is in the rationale": ("Plans a lookup table.", "Plans a table."),
    "a channel": ("channels: [reasoning]", "channels: [reasoning, output]"),
    "a rule's version": ("    version: 1\n", "    version: 2\n"),
    "the pack's version": ("version: 1.0.0", "version: 1.0.1"),
    "a guard": ("    when: table", "    when: table\n    unless: [{regex: x}]"),
    "the condition": ("    when: table", "    when: {all: [table]}"),
}


def digest_of(tmp_path: Path, text: str) -> str:
    path = tmp_path / "p.yml"
    path.write_text(text)
    return read_pack(str(path)).digest


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME)
def test_the_digest_stays_with(tmp_path: Path, old: str, new: str) -> None:
    assert old in GOOD
    assert digest_of(tmp_path, GOOD.replace(old, new)) == digest_of(tmp_path, GOOD)


@pytest.mark.parametrize(("old", "new"), OTHER.values(), ids=OTHER)
def test_the_digest_changes_with(tmp_path: Path, old: str, new: str) -> None:
    assert old in GOOD
    assert digest_of(tmp_path, GOOD.replace(old, new)) != digest_of(tmp_path, GOOD)
