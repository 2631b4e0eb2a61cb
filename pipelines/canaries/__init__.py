"""Canaries: what no training data may hold, in any disguise, and the proof that the search for it works."""

from pipelines.canaries.arrow import schema_bytes, table_bytes
from pipelines.canaries.search import Hit, find_ids, scan, scan_chunks
from pipelines.canaries.selftest import FORMATS, Reader, SelfTest, plant, self_test

__all__ = [
    "FORMATS",
    "Hit",
    "Reader",
    "SelfTest",
    "find_ids",
    "plant",
    "scan",
    "scan_chunks",
    "schema_bytes",
    "self_test",
    "table_bytes",
]
