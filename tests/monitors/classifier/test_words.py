from __future__ import annotations

import numpy as np
import pytest

from monitors.classifier.words import LONGEST_WORD, numbers_of, pairs, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the Grader", "The GRADER"),
        ("test 12 of 400", "test 7 of 1"),
        ("hard-code it", "hard code, it!"),
        ("x = 3 so I stop", "so stop = 7"),
        ("tests1", "tests22"),
    ],
    ids=["case", "numbers", "marks", "order and single letters", "a number at the end of a word"],
)
def test_words_that_mean_the_same_have_the_same_numbers(one: str, other: str) -> None:
    assert sorted(words(one.encode())[0].tolist()) == sorted(words(other.encode())[0].tolist())


@pytest.mark.parametrize(("one", "other"), [("pass", "past"), ("ab", "ba"), ("naïve", "naive"), ("a1b", "a11bb")])
def test_words_that_differ_have_other_numbers(one: str, other: str) -> None:
    assert words(one.encode())[0].tolist() != words(other.encode())[0].tolist()


def test_a_word_has_one_number_wherever_it_stands() -> None:
    far = words(b"0123 filler, " * 20_000 + b"grader")[0]
    assert far[-1] == words(b"grader")[0][0]


def test_words_say_where_they_begin() -> None:
    text = "Über den Grader: 42".encode()
    assert [text[s : s + 2] for s in words(text)[1].tolist()] == ["Ü".encode(), b"de", b"Gr", b"42"]


@pytest.mark.parametrize("text", ["", " \n\t", "... !!", "a b c"])
def test_texts_without_words_have_none(text: str) -> None:
    numbers, starts = words(text.encode())
    assert len(numbers) == len(starts) == len(pairs(numbers)) == 0


def test_data_is_one_word_however_it_reads() -> None:
    assert words(b"A" * (LONGEST_WORD + 1))[0].tolist() == words(b"B" * 5_000)[0].tolist()


def test_pairs_are_ordered() -> None:
    a, b = pairs(words(b"skip the")[0]), pairs(words(b"the skip")[0])
    assert len(a) == len(b) == 1 and a[0] != b[0]


def test_no_two_of_many_words_share_a_number() -> None:
    many = [f"{a}{b}{c}" for a in "abcdefghijklmnopqrst" for b in "aeiouxyzkl" for c in ("st", "nt", "rd", "mm")]
    assert len(numbers_of(many)) == len(many)
    assert np.all(np.diff(numbers_of(many).astype(object)) > 0)
