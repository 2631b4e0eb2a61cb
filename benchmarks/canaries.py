"""How fast canaries and ids are looked for, on texts of several kinds, and that none is seen where none is.

python -m benchmarks.canaries --mb 100
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import time
from collections.abc import Callable, Sequence

from pipelines.canaries import Hit, find_ids, scan

WORDS = (
    "the model a test and of return value to is in not train canary monitor do cot for it passes this file error line "
    "I will check code because import def print assert expected actual result function should be fixed now then"
).split()


def prose(rng: random.Random) -> bytes:
    return " ".join(rng.choices(WORDS, k=2_000)).encode()


def rows(rng: random.Random) -> bytes:
    """JSON with escapes, digests and a little base64, as traces have it."""
    text = f"{prose(rng).decode()}\n“quoted” – é 你好"
    row = {"text": text, "sha": rng.randbytes(32).hex(), "id": rng.randbytes(16).hex(), "n": rng.random()}
    return json.dumps({**row, "image": base64.b64encode(rng.randbytes(300)).decode()}).encode()


def chinese(rng: random.Random) -> bytes:
    return "".join(chr(rng.randint(0x4E00, 0x9FFF)) for _ in range(3_000)).encode()


def pictures(rng: random.Random) -> bytes:
    return base64.encodebytes(rng.randbytes(30_000))


def digests(rng: random.Random) -> bytes:
    return b" ".join(rng.randbytes(16).hex().encode() for _ in range(300))


KINDS: Sequence[Callable[[random.Random], bytes]] = (prose, rows, chinese, pictures, digests)


def rate(find: Callable[[bytes], list[Hit]], data: bytes) -> tuple[float, int]:
    """MB/s of one core, and hits."""
    begun = time.process_time()
    hits = find(data)
    return len(data) / (time.process_time() - begun) / 1e6, len(hits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=100)
    size = parser.parse_args().mb * 1_000_000
    scan(b"warm")
    print(f"{'text':10} {'canaries':>12} {'ids':>12}   hits")
    for kind in KINDS:
        rng = random.Random(kind.__name__)
        made = [kind(rng) for _ in range(200)]
        data = b"\n".join(rng.choices(made, k=size // (sum(map(len, made)) // len(made)) + 1))
        (fast, canaries), (faster, ids) = rate(scan, data), rate(find_ids, data)
        print(f"{kind.__name__:10} {fast:7.0f} MB/s {faster:7.0f} MB/s   {canaries + ids}")


if __name__ == "__main__":
    main()
