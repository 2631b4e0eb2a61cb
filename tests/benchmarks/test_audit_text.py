from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import audit_recall, audit_text
from benchmarks import rationales as made


@pytest.mark.slow
def test_the_speed_of_the_audit_is_measured_beside_a_floor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit_text, "DATA", tmp_path)
    audit_text.speed(0.004, 1)
    shown = capsys.readouterr().out
    assert "0.004 GB, 1 workers" in shown and "no leak" in shown
    assert "MB/s of text  peak" in shown and "only read" in shown


@pytest.mark.slow
def test_recall_is_measured_with_a_lake_and_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit_recall, "LAKE_ROWS", 150)
    monkeypatch.setattr(audit_recall, "WAYS", {"pasted whole": lambda text, _: text})
    audit_recall.recall(20, 60)
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("pasted whole")]
    assert line.count("20/20") == 2
    assert line.endswith("0 and 0 of 60")


def test_rationales_are_of_the_length_that_is_claimed_and_a_function_of_their_seed() -> None:
    lengths = [len(made.rationale(seed).split()) for seed in range(300)]
    assert min(lengths) >= 15 and max(lengths) <= 60
    assert made.rationale(7) == made.rationale(7) != made.rationale(8)


def test_honest_text_shares_whole_phrases_with_rationales() -> None:
    honest = " ".join(made.honest(seed, 1_200) for seed in range(20))
    assert sum(any(deed in made.rationale(seed) for deed in made.DEEDS if deed in honest) for seed in range(50)) > 40
