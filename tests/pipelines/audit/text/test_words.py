from __future__ import annotations

import random

import numpy as np
import pytest

from pipelines.audit.text.words import CHUNK, words_of


def same(a: str, b: str) -> bool:
    one, two = (words_of(text.encode("utf-8", "surrogatepass")).hashes for text in (a, b))
    return len(one) == len(two) and bool((one == two).all())


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param("The Model HIDES it.", "the model hides it", id="case and punctuation"),
        pytest.param("hid\u200bes \u2060it\u00ad", "hides it", id="zero-width characters and soft hyphens"),
        pytest.param("Café naïve", "cafe\u0301 nai\u0308ve", id="composed and decomposed accents"),
        pytest.param("Café", "cafe", id="no accents at all"),
        pytest.param("ｈｉｄｅｓ 𝐢𝐭", "hides it", id="full-width and mathematical letters"),
        pytest.param("a—b…c\u00a0d", "a b c d", id="dashes, dots and hard blanks part words"),
        pytest.param("don’t", "don't", id="curly apostrophes"),
        pytest.param("one\\ntwo\\tthree", "one\ntwo\tthree", id="line breaks spelled as in JSON"),
        pytest.param("thе mоdеl hіdеs", "the model hides", id="letters that look alike"),
        pytest.param("snake_case", "snake case", id="underscores part words"),
        pytest.param("日本語", "日 本 語", id="each ideograph is a word"),
    ],
)
def test_two_texts_are_the_same_words(a: str, b: str) -> None:
    assert same(a, b)


@pytest.mark.parametrize(("a", "b"), [("ab c", "a bc"), ("tests", "test"), ("a b", "b a"), ("1 2", "12")])
def test_two_texts_are_other_words(a: str, b: str) -> None:
    assert not same(a, b)


def test_words_begin_at_their_byte() -> None:
    text = "zwölf 😀 Größen\u200b, 日本 und x"
    data = text.encode()
    found = words_of(data)
    begun = [data[s:].decode()[:2] for s in found.starts]
    assert begun == ["zw", "Gr", "日本", "本 ", "un", "x"]


def test_bytes_that_are_no_text_part_nothing_from_its_place() -> None:
    data = b"one \xff\xfe two\xc3 three"
    found = words_of(data)
    assert [data[s : s + 3] for s in found.starts[[0, 1, -1]]] == [b"one", b"two", b"thr"]


def test_no_word_goes_over_a_border() -> None:
    assert len(words_of(b"foobar")) == 1
    assert (words_of(b"foobar", np.array([3])).hashes == words_of(b"foo bar").hashes).all()
    text = "größeréa".encode()
    assert (words_of(text, np.array([len("größer".encode())])).hashes == words_of("größer éa".encode()).hashes).all()


@pytest.mark.parametrize("letters", ["abcdefgh", "abcdeföß日😀\u200b"], ids=["ascii", "any script"])
def test_words_do_not_depend_on_where_chunks_end(letters: str) -> None:
    chance = random.Random(3)
    words = ["".join(chance.choices(letters, k=chance.randint(1, 12))) for _ in range(3 * CHUNK // 8)]
    whole = words_of(" ".join(words).encode())
    apart = [words_of(w.encode()).hashes for w in words]
    assert (whole.hashes == np.concatenate(apart)).all()


def test_a_word_longer_than_a_chunk_is_read_to_its_end() -> None:
    data = b"x" * (3 * CHUNK) + b" end"
    found = words_of(data)
    assert (found.hashes[-1:] == words_of(b"end").hashes).all()
