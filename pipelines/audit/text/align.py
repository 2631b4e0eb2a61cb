"""Where a text stands in another, word by word, though some of its words were changed, added or left out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipelines.audit.text.words import I64, U64

MATCH, MISMATCH, GAP = 2, -1, -1  # one word in three may be another and the stretch still goes on
LEAST_SCORE = 8  # of a stretch that counts: four words in a row, or more with changes between
STRETCHES = 6  # sentences may stand in another order


def aligned(text: U64, window: U64) -> I64:
    """For each word of the text (n hashes), the word of the window (m) that it stands for, or -1.

    Local alignment (Smith and Waterman 1981) with linear gaps, again and again on what is left, best stretch first.

    >>> aligned(np.arange(8, dtype=np.uint64), np.array([9, 4, 5, 6, 7, 9, 0, 1, 2, 3], np.uint64)).tolist()
    [6, 7, 8, 9, 1, 2, 3, 4]
    """
    found = np.full(len(text), -1, np.int64)
    equal = text[:, None] == window[None, :]
    for _ in range(STRETCHES):
        pairs = list(_best(equal))
        if not pairs:
            break
        rows, columns = (np.array(side) for side in zip(*pairs, strict=True))
        found[rows] = columns
        equal[rows] = False
        equal[:, columns] = False
    return found


def _best(equal: np.ndarray) -> Iterator[tuple[int, int]]:
    """The matching pairs of the best local alignment, from its end to its beginning; none if it scores too little."""
    rows, columns = equal.shape
    if not rows or not columns:
        return
    score = np.zeros((rows + 1, columns + 1), np.int32)
    worth = np.where(equal, MATCH, MISMATCH).astype(np.int32)
    slope = -GAP * np.arange(columns + 1, dtype=np.int32)
    line = np.zeros(columns + 1, np.int32)
    for i in range(rows):
        above = score[i]
        np.maximum(above + GAP, 0, out=line)
        np.maximum(line[1:], above[:-1] + worth[i], out=line[1:])
        # the best way here from the left: a running maximum, once each step to the right is paid for
        np.maximum.accumulate(line + slope, out=score[i + 1])
        score[i + 1] -= slope
    i, j = (int(x) for x in np.unravel_index(int(score.argmax()), score.shape))
    if score[i, j] < LEAST_SCORE:
        return
    while i and j and score[i, j] > 0:
        here = score[i, j]
        if here == score[i - 1, j - 1] + worth[i - 1, j - 1]:
            if equal[i - 1, j - 1]:
                yield i - 1, j - 1
            i, j = i - 1, j - 1
        elif here == score[i - 1, j] + GAP:
            i -= 1
        else:
            j -= 1
