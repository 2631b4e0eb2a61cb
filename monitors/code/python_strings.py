"""What is hidden in Python's strings: programs and tables behind base64, hex, compression or JSON."""

from __future__ import annotations

import ast
import base64
import binascii
import json
import zlib
from collections.abc import Callable

from monitors.code.facts import Literal
from monitors.code.python_values import constant

_OPENERS: dict[str, Callable[[bytes], bytes]] = {
    "b64decode": base64.b64decode,
    "standard_b64decode": base64.b64decode,
    "urlsafe_b64decode": base64.urlsafe_b64decode,
    "decodebytes": base64.b64decode,
    "b32decode": base64.b32decode,
    "b16decode": lambda data: base64.b16decode(data, casefold=True),
    "a85decode": base64.a85decode,
    "b85decode": base64.b85decode,
    "fromhex": lambda data: bytes.fromhex(data.decode("ascii", "ignore")),
    "unhexlify": binascii.unhexlify,
}
MOST = 200_000  # bytes of a hidden text that are opened


def hidden_text(call: ast.Call) -> str:
    """The text in `base64.b64decode("...")` or around it (`zlib.decompress`, `.decode()`), or nothing."""
    for node in ast.walk(call):
        name = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
        opener = _OPENERS.get(name)
        if opener is None or not isinstance(node, ast.Call) or not node.args:
            continue
        said = constant(node.args[0]).literal
        data = said.encode("ascii", "ignore") if isinstance(said, str) else said
        if not isinstance(data, bytes) or not 8 <= len(data) <= MOST:
            continue
        try:
            opened = opener(data)
        except ValueError:
            continue
        return _unpacked(opened).decode("utf-8", "ignore")
    return ""


def _unpacked(data: bytes) -> bytes:
    """What was compressed, as far as `MOST` goes; other bytes as they are."""
    if data[:2] in (b"x\x01", b"x\x9c", b"x\xda", b"\x1f\x8b"):
        try:
            return zlib.decompressobj(47).decompress(data, MOST)
        except zlib.error:
            return data
    return data


def entries(text: str) -> tuple[tuple[Literal, ...], tuple[Literal, ...]]:
    """Keys and values of a mapping, or of a list of pairs, written in a string."""
    if len(text) > MOST:
        return (), ()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return (), ()
    if isinstance(value, list) and value and all(isinstance(v, list | tuple) and len(v) == 2 for v in value):
        pairs = [(_plain(k), _plain(v)) for k, v in value]
    elif isinstance(value, dict):
        pairs = [(_plain(k), _plain(v)) for k, v in value.items()]
    else:
        return (), ()
    return tuple(k for k, _ in pairs), tuple(v for _, v in pairs)


def _plain(value: object) -> Literal:
    if isinstance(value, list | tuple | set):
        return tuple(_plain(v) for v in value)
    if isinstance(value, dict):
        return tuple(_plain(x) for pair in value.items() for x in pair)
    return value if isinstance(value, int | float | str | bytes | bool) else None
