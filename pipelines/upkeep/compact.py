"""A store grows by a few small files a run: made into larger ones, and what no table knows is removed."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from deltalake.exceptions import DeltaError

from pipelines.store import TABLES, Store, delta
from pipelines.store.lock import alone
from pipelines.store.marker import failed_write
from pipelines.upkeep.deleting import sweep

TARGET_BYTES = 128 << 20
KEEP_HOURS = 168.0  # Delta Lake's own default: readers that began a week ago have ended


@dataclass(frozen=True, slots=True)
class Compacted:
    """Files of a table before and after."""

    table: str
    before: int
    after: int


def optimize(store: Store, dry_run: bool = False) -> list[Compacted]:
    """Rewrite the small files of each table into larger ones. No row changes; the old files go when vacuumed."""
    done = []
    with alone(store.path):
        for table in TABLES.values():
            found = delta.snapshot(store.table_path(table.name), table)
            before = len(delta.files(found))
            if found is not None and before > 1 and not dry_run:
                try:
                    found.optimize.compact(target_size=TARGET_BYTES)
                    found.create_checkpoint()  # so that a reader need not follow the log from its beginning
                except (DeltaError, OSError) as error:
                    raise failed_write(store.table_path(table.name), error) from error
            after = len(delta.files(delta.snapshot(store.table_path(table.name), table)))
            done.append(Compacted(table.name, before, after))
    return done


def vacuum(store: Store, hours: float = KEEP_HOURS, dry_run: bool = False) -> dict[str, int]:
    """Remove files that no table has known for `hours`, and what killed runs left; return how many by table."""
    with alone(store.path):
        removed = {t.name: len(sweep(store, t, hours, dry_run)) for t in TABLES.values()}
        old = [p for p in leftovers(store) if time.time() - p.stat().st_mtime >= hours * 3600]
        for path in () if dry_run else old:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return {**removed, "leftovers": len(old)}


def leftovers(store: Store) -> list[Path]:
    """Folders of runs that were killed, and files that were being written. Nobody is at work: none is in use."""
    staging = sorted((store.path / "_staging").glob("*"))
    hidden = (
        p for p in store.path.rglob(".*.tmp") if p.is_file() and "_staging" not in p.relative_to(store.path).parts
    )
    return [*staging, *sorted(hidden)]
