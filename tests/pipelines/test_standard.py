from __future__ import annotations

import pytest

from pipelines import standard
from pipelines.evaluate.settings import EvaluateSettings
from pipelines.job import Job


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        pytest.param((), ("rules:core", "code", "classifier"), id="all that need no network"),
        pytest.param(("skops",), ("rules:core", "code"), id="without what opens a model, without the classifier"),
        pytest.param(("sklearn",), ("rules:core", "code"), id="nor without what it was fitted by"),
    ],
)
def test_who_names_no_monitors_gets_all_that_can_run(
    missing: tuple[str, ...], named: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standard, "find_spec", lambda name: None if name in missing else object())
    assert Job(traces=("t",), store="s").monitors == named
    assert EvaluateSettings(traces=("t",)).monitors == named


def test_who_names_monitors_gets_those() -> None:
    assert Job(traces=("t",), store="s", monitors=("code",)).monitors == ("code",)
