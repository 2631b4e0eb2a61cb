"""The certificate: from what an export was made, by which settings, what became of every row, and what was checked.

It holds no clock, no host, no path and no name, so that the same lake and settings give the same certificate. Its seal
is a keyed digest where there is a key: who has not the key cannot change a word unseen. Without a key the seal finds
accidents, and only making the export again (`certificate.verify` with `traces`) finds intent.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from pipelines.canaries import SelfTest
from pipelines.export.masking.rows import RowCounts
from pipelines.export.papers.manifest import FORMAT, canonical
from pipelines.export.settings import Declassification, ExportSettings
from schemas.contracts.report import Result
from schemas.layouts import ADAPTER_VERSION
from schemas.version import VERSION

# what an export's bytes do not depend on, and what stands in the certificate in another form
UNSTATED = {"traces", "out", "workers", "id_key_file", "tokenizer", "declassify", "where"}


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the lake; name and fingerprint are veiled, `rows` is what its own footer says (None: unreadable)."""

    name: str
    fingerprint: str
    size: int
    rows: int | None


@dataclass(frozen=True, slots=True)
class Accounting:
    """rows == exported + sum(left_out) + replicas + sum(dead), over the whole lake."""

    rows: int
    exported: int
    replicas: int
    left_out: tuple[tuple[str, int], ...]  # by condition, in the order in which they are applied
    dead: Mapping[str, int]  # by reason

    @property
    def balanced(self) -> bool:
        return self.rows == self.exported + self.replicas + sum(n for _, n in self.left_out) + sum(self.dead.values())


@dataclass(frozen=True, slots=True)
class Certificate:
    """All that is certified; `files` are the digests of what lies beside it."""

    settings: Mapping[str, Any]
    declassified: tuple[Declassification, ...]
    lake: tuple[Source, ...]
    accounting: Accounting
    listed: int
    scanned: int
    contracts: tuple[Result, ...]
    self_test: SelfTest
    withheld: RowCounts
    tokens: Mapping[str, Any] | None
    files: Mapping[str, str]

    def json(self, key: bytes | None) -> bytes:
        """The certificate as it is published, sealed."""
        lake = [asdict(s) for s in sorted(self.lake, key=lambda s: s.name)]
        left_out = [{"where": where, "rows": rows} for where, rows in self.accounting.left_out]
        body = {
            "accounting": {**asdict(self.accounting), "left_out": left_out},
            "code": code_version(),
            "contracts": [_kept(r) for r in self.contracts],
            "declassified": [d.model_dump(mode="json") for d in self.declassified],
            "files": dict(self.files),
            "format": FORMAT,
            "lake": {"digest": lake_digest(self.lake), "files": lake},
            "self_test": asdict(self.self_test),
            "settings": dict(self.settings),
            "shards": {"listed": self.listed, "scanned": self.scanned},
            "tokens": self.tokens,
            "withheld": asdict(self.withheld),
        }
        return canonical({**body, "seal": seal(body, key)})


def code_version() -> dict[str, str]:
    """What the bytes of an export depend on besides lake and settings."""
    return {"cotmonitor": VERSION, "adapter": str(ADAPTER_VERSION), "pyarrow": pa.__version__}


def stated(
    settings: ExportSettings, where: Sequence[str], key_print: str | None, tokenizer: str | None
) -> dict[str, Any]:
    """The settings on which an export depends: the key by its fingerprint, the tokenizer by its digest, no paths."""
    values = settings.model_dump(mode="json", exclude=UNSTATED)
    return {**values, "where": list(where), "key": key_print, "tokenizer": tokenizer}


def lake_digest(files: Sequence[Source]) -> str:
    """One digest over a lake's files: their names, sizes and fingerprints."""
    rows = [[s.name, s.size, s.fingerprint] for s in sorted(files, key=lambda s: s.name)]
    return hashlib.sha256(canonical(rows)).hexdigest()


def seal(body: Mapping[str, Any], key: bytes | None) -> dict[str, str]:
    """A digest over all but itself, keyed where there is a key."""
    data = canonical(body)
    if key is None:
        return {"kind": "sha256", "value": hashlib.sha256(data).hexdigest()}
    return {"kind": "hmac-sha256", "value": hmac.digest(key, b"seal" + data, "sha256").hex()}


def _kept(result: Result) -> dict[str, Any]:
    """A contract's result, without the names of files that it may tell on the terminal."""
    return {
        "expectation": result.expectation,
        "expected": result.expected,
        "metric": result.metric,
        "ok": result.ok,
        "table": result.table,
    }
