"""The store of results: append-only Delta tables, views of what counts, and one commit point."""

from pipelines.store.delta import StagedFile
from pipelines.store.store import TABLES, Conflict, Store, UnitsSnapshot

__all__ = ["TABLES", "Conflict", "StagedFile", "Store", "UnitsSnapshot"]
