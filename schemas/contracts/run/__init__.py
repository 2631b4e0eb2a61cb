"""What a run's staged tables must keep to before any of it counts.

metrics = compute_metrics(staged)                     DuckDB over the staged Parquet, in bounded memory
promised = promises(ContractSettings(), metrics.traces)
report = check(metrics, promised)                     great_expectations suites over the metrics
"""

from schemas.contracts.run.metrics import RunMetrics, compute_metrics
from schemas.contracts.run.promises import promises
from schemas.contracts.run.settings import ContractSettings
from schemas.contracts.run.staged import PastRun, Staged

__all__ = ["ContractSettings", "PastRun", "RunMetrics", "Staged", "compute_metrics", "promises"]
