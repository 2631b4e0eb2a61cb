from __future__ import annotations

import builtins
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from pipelines.export.masking import tokens
from pipelines.export.masking.rows import RowSettings, training_rows
from pipelines.export.masking.tokens import RoundTrip, TokenReport, round_trip, token_mask
from schemas.errors import InputError
from schemas.training import MESSAGES, training_table
from tests.pipelines.export.planting import CASES, planted

WORDS = "the model ran tests and wrote a file naïve Größe 😀 don't (x) = 4; <think> secret </think> answer".split(" ")
SENTENCES = [" ".join(WORDS[i % len(WORDS)] for i in range(start, start + 7)) + ".\n" for start in range(200)]


def byte_level() -> Tokenizer:
    """As GPT-2, Llama 3 and Qwen have it, offsets trimmed of their blanks."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=alphabet, special_tokens=["<|end|>"], show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return tokenizer


def word_piece() -> Tokenizer:
    """As BERT has it: small letters, no accents, blanks in no token."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[UNK]"], show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return tokenizer


def unigram() -> Tokenizer:
    """As T5 and Gemma have it: a blank is the beginning of the next word."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="never")
    trainer = trainers.UnigramTrainer(
        vocab_size=300,
        unk_token="<unk>",
        special_tokens=["<unk>"],
        initial_alphabet=list("abcxyz"),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return tokenizer


TOKENIZERS = {"byte-level BPE": byte_level, "WordPiece": word_piece, "Unigram": unigram}


@cache
def reader(name: str) -> RoundTrip:
    return RoundTrip.of(TOKENIZERS[name]().to_str().encode(), "tokenizer.json")


def rows(*traces: Sequence[tuple[str, list[tuple[int, int]]]]) -> pa.RecordBatch:
    messages = [
        [
            {
                "role": "assistant",
                "channel": "output",
                "name": None,
                "text": text,
                "train": bool(spans),
                "spans": [{"start": a, "end": b} for a, b in spans],
            }
            for text, spans in trace
        ]
        for trace in traces
    ]
    ids = [str(i) for i in range(len(traces))]
    return training_table().batch({"sample_id": ids, "messages": pa.array(messages, MESSAGES)})


TEXT = st.lists(
    st.sampled_from([*WORDS, " ", "  ", "\n", "\r\n", "é́", "👩‍👩‍👧", "字", "<|end|>", "[UNK]", "\t"]), max_size=12
)


@st.composite
def masked(draw: st.DrawFn) -> tuple[str, list[tuple[int, int]]]:
    text = draw(st.sampled_from(["", " "])).join(draw(TEXT))
    borders = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    return text, list(zip(borders[::2], borders[1::2], strict=False))


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(deadline=None)
@given(st.lists(masked(), min_size=1, max_size=4))
def test_what_trains_lies_within_the_spans_and_all_that_can_does(name: str, trace: list[tuple[str, list[Any]]]) -> None:
    check = reader(name)
    report = check.check(rows(trace, [("not this", [])]))
    assert {**report.violations, "all_ones": 0} == {"all_ones": 0}
    assert (report.rows, report.messages) == (2, sum(bool(spans) for _, spans in trace))
    assert report.characters == sum(len(text) for text, spans in trace if spans)
    learnt = kept = 0
    for text, spans in trace:
        encoding = check.tokenizer.encode(text, add_special_tokens=False)
        allowed = {i for start, end in spans for i in range(start, end)}
        kept += len(allowed)
        trained = set()
        for (start, end), trains in zip(encoding.offsets, token_mask(encoding.offsets, spans), strict=True):
            stands_for = set(range(start, end))
            assert bool(trains) is (bool(stands_for) and stands_for <= allowed)
            trained |= stands_for if trains else set()
        learnt += len(trained)
    assert report.uncovered == kept - learnt


def test_every_character_of_a_byte_level_text_is_in_a_token() -> None:
    text = "the model  ran\n\nthe 😀é́ tests "
    report = reader("byte-level BPE").check(rows([(text, [(0, len(text))]), ("u", [])]))
    assert (report.uncovered, report.normalised, report.straddling) == (0, 0, 0)


def test_a_blank_that_trains_not_keeps_its_token_from_training() -> None:
    """The offsets of ` answer` leave its blank out, unless they are told not to."""
    text = "secret answer"
    trimmed = byte_level()
    assert trimmed.encode(text).offsets[-1][0] == 7
    report = reader("byte-level BPE").check(rows([(text, [(7, 13)])]))
    assert (report.trained, report.straddling, report.uncovered) == (0, 1, 6)
    report = reader("byte-level BPE").check(rows([(text, [(6, 13)])]))
    assert (report.trained, report.straddling, report.uncovered, report.violations) == (1, 0, 0, {})


def test_the_tokens_of_one_character_train_together_or_not_at_all() -> None:
    report = reader("byte-level BPE").check(rows([("字字a", [(1, 3)])]))
    assert report.straddling == 0 and report.uncovered == 0 and 0 < report.trained < report.tokens


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (lambda offsets, spans: token_mask([(a, b - 1) for a, b in offsets], spans), "outside"),
        (lambda offsets, spans: token_mask(offsets, [(a + 1, b) for a, b in spans]), "missed"),
        (lambda offsets, spans: ~token_mask(offsets, []), "outside"),
        (lambda offsets, spans: token_mask(offsets, []), "missed"),
    ],
    ids=["one too far", "one too short", "all ones", "all zeros"],
)
def test_a_wrong_mask_is_found(monkeypatch: pytest.MonkeyPatch, wrong: Any, fault: str) -> None:
    monkeypatch.setattr(tokens, "token_mask", wrong)
    reports = [reader("byte-level BPE").check(rows([("the model ran", [(3, end)])])) for end in (8, 9)]
    assert any(fault in report.violations for report in reports)


def test_a_row_of_which_every_token_trains_is_found() -> None:
    report = reader("byte-level BPE").check(
        rows([("the model", [(0, 9)])], [("the model", [(0, 9)]), ("u", [])], [], [("u", [])])
    )
    assert report.violations == {"all_ones": 1}


def test_a_tokenizer_that_gives_another_text_back_is_found() -> None:
    tokenizer = byte_level()
    tokenizer.decoder = decoders.Replace("the", "x")
    report = RoundTrip.of(tokenizer.to_str().encode(), "t").check(rows([("the model", [(0, 3)])]))
    assert report.violations == {"not_restored": 1}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("WordPiece", "The Model  ran", {"normalised": 1}),
        ("WordPiece", "字", {"unknown": 1}),
        ("Unigram", "q字", {"unknown": 1}),
        ("byte-level BPE", "the<|end|>model", {"special": 1}),
        ("byte-level BPE", "The Model  字", {}),
    ],
)
def test_what_is_not_given_back_to_the_letter_is_counted(name: str, text: str, expected: dict[str, int]) -> None:
    report = reader(name).check(rows([(text, [(0, len(text))]), ("u", [])]))
    assert {f: getattr(report, f) for f in ("normalised", "unknown", "special") if getattr(report, f)} == expected
    assert report.violations == {}


@pytest.mark.parametrize("case", ["messages: ReAct", "messages: thoughts argument", "flat: an output with tags"])
def test_rows_of_an_export_pass(tmp_path: Path, case: str) -> None:
    file = tmp_path / "tokenizer.json"
    byte_level().save(str(file))
    made = training_rows(*planted(*CASES[case], "it is secret"), RowSettings("sft", ("*.command",)))
    report = round_trip(made, file)
    assert report.violations == {} and 0 < report.trained <= report.tokens


def test_large_rows_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = rows(*[[("the model ran", [(0, 3)])] for _ in range(7)], [])
    whole = reader("WordPiece").check(batch)
    monkeypatch.setattr(tokens, "TOGETHER", 20)
    assert reader("WordPiece").check(batch) == whole == sum((whole,), TokenReport())
    assert whole.rows == 8


def test_a_file_that_pads_and_cuts_does_so_no_more() -> None:
    tokenizer = byte_level()
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=50)
    report = RoundTrip.of(tokenizer.to_str().encode(), "t").check(rows([("the model ran tests", [(0, 3)])]))
    assert report.violations == {} and 2 < report.tokens < 50


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"model": 3}', b"\xff\xfe", json.dumps([]).encode()])
def test_what_is_no_tokenizer_is_refused_in_words(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "tokenizer.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"no tokenizer|cannot be read") as refused:
        RoundTrip.read(file)
    assert str(file) in str(refused.value)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    importing = builtins.__import__

    def refuse(name: str, *more: Any) -> Any:
        if name == "tokenizers":
            raise ImportError(name)
        return importing(name, *more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(InputError, match=r"Pip install 'cotmonitor\[tokenizer\]'"):
        RoundTrip.of(b"{}", "t")
