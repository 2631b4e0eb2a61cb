"""What a run's staged tables must keep to before any of it counts. No Beam; great_expectations is imported late.

metrics = compute_metrics(staged)            DuckDB over the staged Parquet, in bounded memory
report = check(metrics, ContractSettings())  great_expectations suites over the metrics
"""

from schemas.contracts.checker import Checker, check
from schemas.contracts.metrics import Metrics, compute_metrics
from schemas.contracts.report import Report, Result
from schemas.contracts.settings import ContractSettings
from schemas.contracts.staged import PastRun, Staged

__all__ = [
    "Checker",
    "ContractSettings",
    "Metrics",
    "PastRun",
    "Report",
    "Result",
    "Staged",
    "check",
    "compute_metrics",
]
