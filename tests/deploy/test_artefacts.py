"""What is deployed is what the program takes."""

from __future__ import annotations

import shlex
from pathlib import Path

from pipelines.cli.run import command
from pipelines.job import load_job
from pipelines.standard import ALWAYS, CLASSIFIER

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_the_nightly_job_is_a_job() -> None:
    job = load_job(str(DEPLOY / "nightly.yaml"), {})
    assert job.root == "lake"
    assert job.monitors == (*ALWAYS, CLASSIFIER)


def test_the_crontab_calls_a_command_that_exists_with_options_it_has() -> None:
    (line,) = [x for x in (DEPLOY / "crontab").read_text().splitlines() if x and not x.startswith("#")]
    words = shlex.split(line.split("cotmonitor run", 1)[1].split("||")[0])
    flags = {o for parameter in command.params for o in parameter.opts}
    assert (DEPLOY.parent / words[0]).exists()
    assert set(words[1:]) <= flags
