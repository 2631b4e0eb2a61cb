"""Finding canaries, rule ids and the ids of alerts and findings in bytes, whole or in pieces."""

from __future__ import annotations

import binascii
import functools
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import re2

from pipelines.canaries.patterns import compiled, everything, families, family
from schemas.canary import CANARY, is_marked
from schemas.digest import DIGEST_CHARS

WINDOW = 32 << 20  # bytes searched at a time
OVERLAP = 16 << 10  # bytes of one window seen again with the next: the longest disguise that a border cannot hide
LONGEST_RUN = 16 << 20  # bytes of one base64 text kept until its end is there
DEPTH = 3  # base64 in base64 in base64; compressed or not
INFLATED = 16 << 20  # bytes of a compressed text looked at
MOST_DIGITS = 40  # in a row, among which an id is looked for; more are another digest
_OFFSETS = {n: tuple(dict.fromkeys((0, n - DIGEST_CHARS))) for n in range(DIGEST_CHARS, MOST_DIGITS + 1)}
TEXT_CHARS = 200  # of a hit, as it is shown and declassified

_ENCODED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-\\\r\n"
_STANDARD = bytes.maketrans(b"-_", b"+/")
_HEX = b"0123456789abcdefABCDEF"
_LABEL = re.compile(rb":[\w.:/-]{1,64}")
_IN_WORD = re.compile(rb"[A-Za-z0-9](?<!\\[nrtbfv])\Z")  # and not the n of an escaped line break
_KIND = re.compile(rb"(alert|finding)-\Z", re.I)
_RULE_NAME = re.compile(r".*-.*|[a-z][a-z0-9]{3,}")
# TG08.json is a file
_ENDINGS = frozenset(
    (
        *("html", "json", "jsonl", "jpeg", "yaml", "toml", "xlsx", "docx", "pptx", "parquet", "feather", "arrow"),
        *("tiff", "webp", "webm", "flac", "opus", "mpeg", "fasta", "fastq", "ipynb", "conf", "java", "class", "mjpeg"),
        *("jsonc", "avro", "hdf5", "numpy", "safetensors", "gguf", "sqlite", "lock", "diff", "patch", "tfrecord"),
        *("scala", "swift", "dart", "julia", "info", "text", "data", "pickle", "step", "epub"),
    )
)


@dataclass(frozen=True, slots=True)
class Hit:
    """Bytes `start:end` hold `text`, `how` disguised; `text` is what stands there, shortened."""

    start: int
    end: int
    how: str
    text: str


def scan(data: bytes | memoryview) -> list[Hit]:
    """Every canary in the data, whatever disguise it wears.

    >>> [(h.start, h.how) for h in scan(b'{"note": "cotmonitor-\\\\u0043anary-do-not-train"}')]
    [(10, 'letters')]
    """
    view = memoryview(data).cast("B")
    if len(view) <= WINDOW:
        return _search(view, DEPTH)
    return list(scan_chunks(view[at : at + WINDOW] for at in range(0, len(view), WINDOW)))


def scan_chunks(chunks: Iterable[bytes | memoryview]) -> Iterator[Hit]:
    """As `scan`, for data that comes in pieces of any size: a canary across their borders is found too, once."""
    tail, at, done = b"", 0, 0  # what is seen again, where it begins, and up to where hits were told
    for chunk in chunks:
        data = b"".join((tail, chunk)) if tail else chunk
        for hit in _search(memoryview(data), DEPTH):
            if at + hit.start >= done:
                done = at + hit.end
                yield Hit(at + hit.start, at + hit.end, hit.how, hit.text)
        kept = min(len(data), max(OVERLAP, _unfinished(data)))
        tail, at = bytes(memoryview(data)[len(data) - kept :]), at + len(data) - kept


def find_ids(data: bytes | memoryview) -> list[Hit]:
    """Every rule's id (`TG08.lookup-table`) and every alert's or finding's id in the data; `how` says which.

    The ids of alerts and findings are known by their own check digits, so a stranger's digest is none, even behind
    `alert-`; and those of rules by their form, so `TG08.json` is none.
    """
    view = memoryview(data).cast("B")
    found = []
    for match in _ids().finditer(view):
        start, end = match.span()
        text = bytes(view[start:end]).decode("latin-1")
        if "." in text:
            name = text.split(".", 1)[1]
            if _RULE_NAME.fullmatch(name) and name not in _ENDINGS and not _IN_WORD.search(_before(view, start)):
                found.append(Hit(start, end, "rule id", text))
            continue
        # an escape such as \u000a, or one more digit, may stand beside the digits
        for at in _OFFSETS.get(len(text), ()):
            digits = text[at : at + DIGEST_CHARS]
            if is_marked(digits):
                kind = _KIND.search(_before(view, start + at))
                spelled = kind[0].decode() + digits if kind else digits
                said = kind[1].decode().lower() if kind else "alert or finding"
                found.append(
                    Hit(start + at - (len(spelled) - len(digits)), start + at + len(digits), f"{said} id", spelled)
                )
    return found


def _before(data: memoryview, at: int) -> bytes:
    return bytes(data[max(0, at - 8) : at])


@functools.cache
def _ids() -> re2._Regexp:
    rule = r"(?:TG|HO)(?:0[1-9]|1[0-9]|2[0-5])\.[a-z0-9]+(?:-[a-z0-9]+)*"
    return compiled(rf"{rule}|[0-9A-Fa-f]{{32,}}")


def _search(data: memoryview, depth: int) -> list[Hit]:
    """Hits in what is there, then in what is encoded there; an encoded text is one hit, where the whole text stands."""
    found = [_named(data, *match.span()) for match in everything().finditer(data)]
    if not depth:
        return found
    for match in _packed().finditer(data):
        start, end = match.span()
        if any(hit.start < end and start < hit.end for hit in found):
            continue
        packed = bytes(data[start:end])
        squeezed = packed.startswith(b"\x1f\x8b")
        inner = _inflated(data[start:]) if squeezed else _decoded(packed)
        for hit in _search(memoryview(inner), depth - 1)[:1] if inner else ():
            found.append(Hit(start, end, f"{hit.how} in {'gzip' if squeezed else 'base64'}", hit.text))
    return sorted(found, key=lambda hit: hit.start)


@functools.cache
def _packed() -> re2._Regexp:
    """Base64 of 30 bytes and more, in lines or not, or the beginning of gzip."""
    run = r"[A-Za-z0-9+/_-]{40,}"
    return compiled(rf"(?:\\+[nrt])?{run}(?:(?:\\+[rn]|[\r\n]|\\+/)+[A-Za-z0-9+/_-]{{4,}})*|\x1f\x8b\x08")


def _decoded(text: bytes) -> bytes:
    """What a base64 text says, inflated if it was deflated."""
    if b"\\" in text:
        text = re.sub(rb"\\+[rnt]|\\+(?=/)", b"", text)
    if not text.strip(_HEX):
        return b""  # digits of a digest, or of anything else in hex, which is looked for as such
    plain = text.translate(_STANDARD, b"\r\n")
    try:
        data = binascii.a2b_base64(plain[: len(plain) // 4 * 4])
    except binascii.Error:
        return b""
    return _inflated(memoryview(data)) or data if data[:1] in (b"\x1f", b"\x78") else data


def _inflated(data: memoryview) -> bytes:
    """As much of a gzip or zlib text as can be read; nothing if it is none."""
    try:
        return zlib.decompressobj(wbits=47).decompress(data, INFLATED)
    except zlib.error:
        return b""


def _named(data: memoryview, start: int, end: int) -> Hit:
    span = bytes(data[start:end])
    how = next((name for name in families() if family(name).fullmatch(span)), "letters")
    if span == CANARY.encode():
        label = _LABEL.match(data[end : end + 80])
        end += label.end() if label else 0
        how = "plain"
    elif how == "letters" and span.count(b"\0") >= len(CANARY) - 1:
        how = "utf-16"
    return Hit(start, end, how, bytes(data[start:end]).decode("utf-8", "replace")[:TEXT_CHARS])


def _unfinished(data: bytes | memoryview) -> int:
    """Bytes at the end that may be an encoded text whose end is yet to come."""
    view = memoryview(data)
    for most in (OVERLAP, LONGEST_RUN):
        last = bytes(view[-most:])
        length = len(last) - len(last.rstrip(_ENCODED))
        if length < most:
            return length
    return LONGEST_RUN
