"""Sample traces of our own making, for the demo and the tests: no model wrote them and no download is needed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pipelines.samples.layouts import WRITERS
from pipelines.samples.story import ROLLOUTS, Sample, samples

__all__ = ["Sample", "samples", "write_samples"]


def write_samples(folder: Path, traces: int = 1600, seed: int = 7) -> list[Path]:
    """Write `traces` samples, a quarter in each layout, plus five bad rows; the folder appears whole or not at all.

    The same arguments give the same bytes. A folder that exists is left as it is.
    """
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            shares: dict[str, list[Sample]] = {layout: [] for layout in WRITERS}
            for index, sample in enumerate(samples(traces, seed)):
                group = index // ROLLOUTS
                # shift by one each time round, so that no layout ends up with one environment
                shares[list(WRITERS)[(group + group // len(WRITERS)) % len(WRITERS)]].append(sample)
            for layout, share in shares.items():
                if share:
                    WRITERS[layout](share, scratch / layout)
            scratch.chmod(0o755)
            scratch.rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return sorted(folder.rglob("*.parquet"))
