from __future__ import annotations

import numpy as np
import pytest

from pipelines.audit.text.align import aligned


def words(text: str) -> np.ndarray:
    return np.array([hash(w) & 0xFFFFFFFF for w in text.split()], np.uint64)


@pytest.mark.parametrize(
    ("text", "window", "matched"),
    [
        pytest.param("a b c d e f", "x a b c d e f y", 6, id="whole"),
        pytest.param("a b c d e f g h", "a b X d e X g h", 6, id="every third word another"),
        pytest.param("a b c d e f", "a b c X X d e f", 6, id="words put in"),
        pytest.param("a b c d e f g h", "a b c f g h", 6, id="words left out"),
        pytest.param("a b c d e f g h", "e f g h a b c d", 8, id="halves in another order"),
        pytest.param("a b c d e f", "f e d c b a", 0, id="backwards"),
        pytest.param("a b c d e f", "a x b y c z d", 0, id="too far apart"),
        pytest.param("a b c", "a b c", 0, id="too short to score"),
        pytest.param("", "a b", 0, id="nothing"),
    ],
)
def test_matched_words(text: str, window: str, matched: int) -> None:
    found = aligned(words(text), words(window))
    assert int((found >= 0).sum()) == matched


def test_each_match_is_of_equal_words_and_no_word_is_used_twice() -> None:
    chance = np.random.default_rng(5)
    for _ in range(50):
        text, window = (chance.integers(0, 6, n).astype(np.uint64) for n in (30, 80))
        found = aligned(text, window)
        used = found[found >= 0]
        assert (text[found >= 0] == window[used]).all()
        assert len(set(used.tolist())) == len(used)
