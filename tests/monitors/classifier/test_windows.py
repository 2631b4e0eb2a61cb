from __future__ import annotations

import pytest

from monitors.classifier.windows import OWN, SLACK, WINDOW, ends, windows

LONG = "lorem ipsum dolor " * 9_000
TRACES = {
    "short steps": [("prompt", "Do it."), ("reasoning", "I think."), ("action", "ls"), ("output", "Done.")],
    "many steps": [("reasoning", f"thought {i} " * 40) for i in range(300)],
    "one long step": [("reasoning", LONG)],
    "long without a blank": [("output", "é" * 40_000)],
    "long after short": [("action", "ls"), ("reasoning", LONG), ("output", "Done.")],
}


def views(trace: list[tuple[str, str]]) -> tuple[list[memoryview], list[str]]:
    return [memoryview(t.encode()) for _, t in trace], [c for c, _ in trace]


@pytest.mark.parametrize("trace", TRACES.values(), ids=TRACES.keys())
def test_windows_hold_all_of_the_models_own_text_once_and_in_order(trace: list[tuple[str, str]]) -> None:
    texts, channels = views(trace)
    pieces = [p for w in windows(texts, channels) for p in w.pieces]
    for step, channel in enumerate(channels):
        own = [p for p in pieces if p.step == step]
        told = b"".join(bytes(texts[step][p.start : p.end]) for p in own)
        assert told == (bytes(texts[step]) if channel in OWN else b"")
    assert [(p.step, p.start) for p in pieces] == sorted((p.step, p.start) for p in pieces)


@pytest.mark.parametrize("trace", TRACES.values(), ids=TRACES.keys())
def test_windows_are_bounded_and_well_filled(trace: list[tuple[str, str]]) -> None:
    texts, channels = views(trace)
    sizes = [sum(p.end - p.start for p in w.pieces) for w in windows(texts, channels)]
    assert max(sizes) <= WINDOW
    assert len(sizes) <= 2 * sum(sizes) / (WINDOW - SLACK) + 2


@pytest.mark.parametrize("trace", TRACES.values(), ids=TRACES.keys())
def test_windows_never_end_within_a_character(trace: list[tuple[str, str]]) -> None:
    texts, channels = views(trace)
    for window in windows(texts, channels):
        for thought in (True, False):
            window.text(texts, thought).decode()


def test_ends_take_the_first_and_the_last_of_the_channels_asked_for() -> None:
    texts, channels = views([("prompt", "a" * 50), ("reasoning", "b" * 500), ("prompt", "c" * 50)])
    assert ends(texts, channels, ("prompt",), 10, 10) == b"a" * 10 + b"\n" + b"c" * 10
    assert ends(texts, channels, ("prompt",), 80, 80) == b"a" * 50 + b"\n" + b"c" * 50
    assert ends(texts, channels, ("reasoning",), 0, 7) == b"\n" + b"b" * 7
    assert ends(texts, channels, ("output",), 10, 10) == b""
