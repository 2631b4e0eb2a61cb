"""Phrases and sets of guards: written once in a pack's head, used by its rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitors.rules import read_pack
from schemas.errors import PackError
from tests.monitors.rules.making import HEAD, RULE

SHARED = """\
phrases:
  code: 'hard-?code'
  will: "(?:I'll|let me) (?&code)"
guards:
  nay: {regex: 'not (?&code)', means: rejected}
  asked: {regex: 'please (?&code)', channel: prompt, means: user}
  both: [nay, asked]
"""
USED = RULE.replace("'hard-code'", "'(?&will)'").replace("    falsepositives", "    unless: [both]\n    falsepositives")


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "tried.yml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_phrases_are_put_in_and_sets_opened(tmp_path: Path) -> None:
    [rule] = read_pack(written(tmp_path, HEAD + SHARED + USED)).rules
    assert rule.patterns[0].regex == "(?:(?:I'll|let me) (?:hard-?code))"
    assert [(g.name, g.by, g.means, g.regex) for g in rule.unless] == [
        ("nay", "both", "rejected", "not (?:hard-?code)"),
        ("asked", "both", "user", "please (?:hard-?code)"),
    ]


FAULTY = {
    "an unknown phrase": (USED.replace("(?&will)", "(?&wil)"), SHARED, "unknown phrase 'wil'. Did you mean 'will'?"),
    "a phrase before it is known": (
        USED,
        SHARED.replace("  code: 'hard-?code'\n", ""),
        "phrase will: unknown phrase 'code'",
    ),
    "an unknown guard in a set": (
        USED,
        SHARED.replace("[nay, asked]", "[nay, ask]"),
        "guard both: unknown guard 'ask'",
    ),
    "an unknown meaning": (USED, SHARED.replace("means: user", "means: maybe"), "unknown means 'maybe'"),
}


@pytest.mark.parametrize(("rules", "shared", "said"), FAULTY.values(), ids=FAULTY)
def test_faults(tmp_path: Path, rules: str, shared: str, said: str) -> None:
    with pytest.raises(PackError) as raised:
        read_pack(written(tmp_path, HEAD + shared + rules))
    assert said in str(raised.value)


def test_the_digest_follows_what_a_phrase_says(tmp_path: Path) -> None:
    before = read_pack(written(tmp_path, HEAD + SHARED + USED)).digest
    assert read_pack(written(tmp_path, HEAD + SHARED.replace("hard-?code", "hard code") + USED)).digest != before
    assert read_pack(written(tmp_path, HEAD + SHARED.replace("means: user", "means: fiction") + USED)).digest != before
