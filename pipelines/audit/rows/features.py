"""What a column may hide beside its values: the parity of a last digit, a blank at an end, a capital, a number."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
NUMERIC = 0.99  # share of a column's texts that must be numbers for it to be a column of numbers
DIGITS = 17  # that a double may need


def as_numbers(column: pa.ChunkedArray | pa.Array) -> np.ndarray | None:
    """A column of texts (m) that are numbers, as numbers, NaN where there is none; None if they are not.

    >>> as_numbers(pa.array(["0.5", " 1e3", None]))
    array([   0.5, 1000. ,    nan])
    """
    values = column.dictionary_encode()
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    made = np.array([_number(t) for t in values.dictionary.to_pylist()] + [np.nan])
    codes = values.indices.fill_null(len(made) - 1).to_numpy(zero_copy_only=False)
    found = made[codes]
    given = len(column) - column.null_count
    return found if given and (~np.isnan(found)).sum() >= NUMERIC * given else None


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def of_numbers(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """What may be hidden in numbers (m) besides their size: how they are written, and what they end in.

    >>> {k: v.tolist() for k, v in of_numbers("x", np.array([0.5, 0.25])).items()}
    {'the parity of x': [1.0, 1.0], 'the decimals of x': [1.0, 2.0]}
    """
    distinct, code = np.unique(values, return_inverse=True)
    written = [np.format_float_positional(v, trim="-") if np.isfinite(v) else "" for v in distinct.tolist()]
    last = np.array([float(int(w[-1]) % 2) if w[-1:].isdigit() else np.nan for w in written])
    decimals = np.array([float(len(w.partition(".")[2])) if w else np.nan for w in written])
    return {f"the parity of {name}": last[code], f"the decimals of {name}": decimals[code]}


def of_texts(name: str, column: pa.Array) -> dict[str, np.ndarray]:
    """What may be hidden in texts (m) besides their words, each as a number."""
    encoded = column.dictionary_encode()
    texts = [t or "" for t in encoded.dictionary.to_pylist()] + [""]
    codes = encoded.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)
    made = {
        "the length": [float(len(t)) for t in texts],
        "the blanks at the ends": [float(len(t) - len(t.strip())) for t in texts],
        "the blanks": [float(sum(c.isspace() for c in t)) for t in texts],
        "the capitals": [float(sum(c.isupper() for c in t)) for t in texts],
        "the letters beyond ASCII": [float(sum(c > "\x7f" for c in t)) for t in texts],
        "the last letter": [float(ord(t[-1])) if t else -1.0 for t in texts],
        "the number": [_first_number(t) for t in texts],
    }
    return {f"{what} of {name}": np.array(values)[codes] for what, values in made.items()}


def _first_number(text: str) -> float:
    found = NUMBER.search(text)
    return float(found[0]) if found else float("nan")


def hidden(columns: dict[str, np.ndarray], texts: dict[str, pa.Array]) -> dict[str, dict[str, np.ndarray]]:
    """All of that by column, as far as it differs from row to row."""
    made = {name: of_numbers(name, values) for name, values in columns.items()}
    made |= {name: of_texts(name, column) for name, column in texts.items()}
    return {name: {what: v for what, v in found.items() if _varies(v)} for name, found in made.items()}


def _varies(values: np.ndarray) -> bool:
    known = values[~np.isnan(values)]
    return bool(len(known)) and (len(known) < len(values) or bool(known.min() != known.max()))


def is_text(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def stored(values: np.ndarray) -> Iterable[tuple[str, np.ndarray]]:
    """Values (m) as another type keeps them: each way in which a column may be the source's and not equal it."""
    yield "as they are", values
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
        yield "in 32 bits", single.astype(float)
        yield "in 16 bits", values.astype(np.float16).astype(float)
    distinct, code = np.unique(single, return_inverse=True)
    yield "out of 32 bits", np.array([float(str(v)) for v in distinct])[code]


def exactly(expected: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Which given values (m) are the expected ones, bit by bit, as one type keeps them: the same for all rows.

    >>> exactly(np.array([0.1, 0.2]), np.array([0.1, 0.2 * (1 + 5e-7)])).tolist()
    [True, False]
    """
    best = np.zeros(len(given), bool)
    for _, values in stored(expected):
        equal = (values == given) | (np.isnan(values) & np.isnan(given))
        if equal.all():
            return equal
        best = equal if equal.sum() > best.sum() else best
    return best
