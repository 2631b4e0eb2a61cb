from __future__ import annotations

import pickle
import resource
from dataclasses import replace

import numpy as np
import pytest

from monitors.classifier import ClassifierMonitor, ClassifierSettings
from schemas.errors import ControlMissed
from tests.monitors.classifier.making import monitor_of, sampled, small_fit, steps_of


def test_the_control_passes_and_misses_when_a_weight_is_lost() -> None:
    monitor = monitor_of(small_fit())
    monitor.control()
    head = monitor.model.heads[0]
    deaf = replace(monitor.model, heads=(replace(head, told=head.told * 0),))
    with pytest.raises(ControlMissed, match="misses its positive control"):
        ClassifierMonitor(deaf, monitor.probes).control()


def test_a_monitor_without_probes_is_not_believed() -> None:
    with pytest.raises(ControlMissed):
        ClassifierMonitor(monitor_of(small_fit()).model, ()).control()


def test_alerts_quote_what_stands_there() -> None:
    steps, positive, _ = sampled()
    verdicts = monitor_of(small_fit()).judge(steps)
    assert [v.state for v in verdicts] == ["assessed"] * len(steps)
    found = [(i, f) for i, v in enumerate(verdicts) for f in v.findings]
    assert sum(positive[i] for i, _ in found) > 0.8 * len(found) > 0
    for i, finding in found:
        (span,) = finding.evidence
        text = steps[i].as_py()[span.step]["text"]
        assert text[span.start : span.end].startswith(span.excerpt or "")
        assert 0 <= span.start < span.end <= len(text)
        assert finding.score >= finding.threshold
        assert dict(verdicts[i].by_category)["test_gaming"] == verdicts[i].score


def test_judging_does_not_depend_on_the_batch() -> None:
    steps, _, _ = sampled()
    monitor = monitor_of(small_fit())
    together = monitor.judge(steps)
    assert [monitor.judge(steps.slice(i, 1))[0] for i in range(0, 60, 7)] == [together[i] for i in range(0, 60, 7)]


def test_not_having_looked_is_said() -> None:
    odd = steps_of([("prompt", "Do it.")], [("reasoning", "  \n ")], [("action", "ls -la /")], [])
    states = [(v.state, v.reason) for v in monitor_of(small_fit()).judge(odd)]
    assert states == [
        ("not_assessed", "no_reasoning"),
        ("not_assessed", "no_reasoning"),
        ("assessed", "no_reasoning"),
        ("not_assessed", "no_reasoning"),
    ]


def test_a_threshold_that_is_set_counts_and_is_part_of_the_digest() -> None:
    steps, _, _ = sampled()
    monitor = monitor_of(small_fit())
    bold = ClassifierMonitor(monitor.model, monitor.probes, ClassifierSettings(threshold=1e-4))
    assert sum(bool(v.findings) for v in bold.judge(steps)) > sum(bool(v.findings) for v in monitor.judge(steps))
    assert bold.spec.digest != monitor.spec.digest
    assert bold.spec.digest != ClassifierMonitor(replace(monitor.model, digest="other"), (), bold.settings).spec.digest


def test_the_highest_of_many_windows_is_made_up_for() -> None:
    steps, positive, _ = sampled()
    honest = [s["text"] for i in range(40) if not positive[i] for s in steps[i].as_py() if s["channel"] == "reasoning"]
    long = "\n".join(honest)
    monitor = monitor_of(small_fit())
    short, longer = monitor.scores(steps_of([("reasoning", long)], [("reasoning", long * 30)]))[:, 0]
    assert longer < short + 0.05


def test_a_very_long_step_takes_little_memory() -> None:
    monitor = monitor_of(small_fit())
    steps = steps_of([("reasoning", "The loop is plain and the sum is right. " * 250_000), ("output", "ok")])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (verdict,) = monitor.judge(steps)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert verdict.state == "assessed" and np.isfinite(verdict.score or np.nan)
    assert grown < 120


def test_it_travels_by_itself() -> None:
    steps, _, _ = sampled()
    monitor = monitor_of(small_fit())
    sent = pickle.loads(pickle.dumps(monitor))
    assert sent.spec == monitor.spec and sent.judge(steps.slice(0, 5)) == monitor.judge(steps.slice(0, 5))
