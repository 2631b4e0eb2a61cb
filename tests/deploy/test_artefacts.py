"""What is deployed is what the program takes."""

from __future__ import annotations

from pathlib import Path

from pipelines.export.load import load_export
from pipelines.job import load_job
from pipelines.standard import ALWAYS, CLASSIFIER

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_the_nightly_job_is_a_job() -> None:
    job = load_job(str(DEPLOY / "nightly.yaml"), {})
    assert job.root == "lake"
    assert job.monitors == (*ALWAYS, CLASSIFIER)


def test_the_nightly_export_is_one_of_the_same_lake_and_chooses_nothing() -> None:
    export = load_export(str(DEPLOY / "export.yaml"), {"out": "training/2026-11-22"})
    assert export.traces == load_job(str(DEPLOY / "nightly.yaml"), {}).root
    assert not export.where and not export.declassify
