"""What a training export must keep to before it is published.

metrics = compute_metrics(staged)                  figures of every file, as they were found by reading it again
report = check(metrics, promises(ExportLimits()))  great_expectations suites over the metrics
"""

from schemas.contracts.export.metrics import compute_metrics
from schemas.contracts.export.promises import ExportLimits, promises
from schemas.contracts.export.staged import ExportedFile, ExportStaged, ShardCheck

__all__ = ["ExportLimits", "ExportStaged", "ExportedFile", "ShardCheck", "compute_metrics", "promises"]
