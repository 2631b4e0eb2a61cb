from __future__ import annotations

import hashlib
import hmac
import logging
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.export.ids import key_print, keyed, read_key, sample_ids
from schemas.errors import InputError

KEY = b"0123456789abcdef"


def traces() -> pa.RecordBatch:
    return pa.record_batch({"trace_id": ["a", "b", "b"], "trace_key": ["k1", "k2", "k3"]})


def test_without_a_key_a_row_has_the_id_of_its_trace() -> None:
    assert sample_ids(traces(), None).to_pylist() == ["a", "b", "b"]


def test_with_a_key_it_has_the_keyed_digest_of_the_traces_key() -> None:
    expected = [hmac.new(KEY, k.encode(), hashlib.sha256).hexdigest()[:32] for k in ("k1", "k2", "k3")]
    assert sample_ids(traces(), KEY).to_pylist() == expected
    assert sample_ids(traces(), KEY).type == pa.string()
    assert keyed("k1", KEY) == expected[0]
    assert sample_ids(traces().slice(1), KEY).to_pylist() == expected[1:]


def test_another_key_gives_other_ids_and_another_print() -> None:
    assert keyed("k1", KEY) != keyed("k1", KEY[::-1]) != keyed("k1", None)
    assert key_print(KEY) != key_print(KEY[::-1])
    assert key_print(KEY) not in KEY.hex() and len(key_print(KEY)) == 16


@pytest.mark.parametrize(
    ("content", "key"),
    [(KEY, KEY), (KEY + b"\n", KEY), (KEY + b"\r\n", KEY), (KEY + b"\n\n", KEY + b"\n"), (bytes(range(64)),) * 2],
    ids=["bare", "with a line break", "with Windows' line break", "with two", "any bytes"],
)
def test_a_key_is_the_files_bytes_but_for_a_line_break_at_the_end(tmp_path: Path, content: bytes, key: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(0o600)
    assert read_key(file) == key


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file"),
        (b"", "a key of 0 bytes"),
        (KEY[:-1] + b"\n", "a key of 15 bytes can be guessed; 16 are the least"),
        (bytes(5_000), "at most 4,096 bytes"),
    ],
    ids=["missing", "empty", "too short", "too long"],
)
def test_what_is_no_key_is_refused_in_words(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=says) as refused:
        read_key(file)
    assert f"openssl rand -hex 32 > {file}" in str(refused.value)


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_key(tmp_path)


@pytest.mark.parametrize(("mode", "warns"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_key_that_others_may_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, warns: bool
) -> None:
    file = tmp_path / "key"
    file.write_bytes(KEY)
    file.chmod(mode)
    with caplog.at_level(logging.WARNING):
        read_key(file)
    assert ("others than its owner" in caplog.text) is warns
    assert KEY.decode() not in caplog.text
