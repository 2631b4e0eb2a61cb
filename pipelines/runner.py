"""Which engine runs the pipeline. Our local runner is Beam's in-process Python one, named outright.

`DirectRunner` would first try to download another engine, without a time-out, and run on it if it could.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from schemas.errors import Fault, InputError

LOCAL = ("DirectRunner", "FnApiRunner", "BundleBasedDirectRunner")


def runner_of(beam_args: Sequence[str]) -> str:
    """The runner that the flags name, or our local one."""
    for i, arg in enumerate(beam_args):
        if arg.startswith("--runner="):
            return arg.split("=", 1)[1].rsplit(".", 1)[-1]
        if arg == "--runner" and i + 1 < len(beam_args):
            return beam_args[i + 1].rsplit(".", 1)[-1]
    return "DirectRunner"


def is_local(beam_args: Sequence[str]) -> bool:
    return runner_of(beam_args) in LOCAL


def options(workers: int, beam_args: Sequence[str] = ()) -> PipelineOptions:
    """Beam's options: ours for a local run, the user's own flags for another engine."""
    own = [a for i, a in enumerate(beam_args) if not _names_runner(beam_args, i)]
    if is_local(beam_args):
        args = ["--runner=FnApiRunner", f"--direct_num_workers={workers}", *own]
    else:
        args = [f"--runner={runner_of(beam_args)}", "--no_save_main_session", *own]
    parsed = PipelineOptions(args)
    unknown = _unknown(parsed)
    if unknown:
        faults = [Fault(flag, None, "no Beam option has this name", "see Beam's pipeline options") for flag in unknown]
        raise InputError(faults)
    return parsed


def local_runner(options: PipelineOptions) -> PipelineRunner | None:
    """Our local runner where it is to have worker processes, else None: what the options name will do.

    Beam's own `--direct_running_mode=multi_processing` leaves its workers behind when the run is killed, for minutes,
    and takes no Python whose path has a space in it.
    """
    direct = options.view_as(DirectOptions)
    if not is_local(options._flags) or direct.direct_num_workers < 2 or direct.direct_running_mode != "in_memory":
        return None
    command = f"exec {shlex.quote(sys.executable)} -m pipelines.worker"
    return FnApiRunner(default_environment=SubprocessSDKEnvironment.from_command_string(command))


def _names_runner(args: Sequence[str], i: int) -> bool:
    return args[i].startswith("--runner=") or args[i] == "--runner" or (i > 0 and args[i - 1] == "--runner")


def _unknown(parsed: PipelineOptions) -> list[str]:
    """Flags that Beam would drop in silence."""
    import argparse

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for cls in PipelineOptions.__subclasses__():
        cls._add_argparse_args(parser)
    return [a for a in parser.parse_known_args(parsed._flags)[1] if a.startswith("-")]
