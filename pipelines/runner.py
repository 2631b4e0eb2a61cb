"""Which engine runs the pipeline. Our local runner is Beam's in-process Python one, named outright.

`DirectRunner` would first try to download another engine, without a time-out, and run on it if it could.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import NoReturn

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, PortableOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineRunner, create_runner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from schemas.errors import Fault, InputError

LOCAL = ("DirectRunner", "FnApiRunner", "BundleBasedDirectRunner")
ANSWER_SECONDS = 20.0  # that a job server may take; it starts in five


def runner_of(beam_args: Sequence[str]) -> str:
    """The runner that the flags name, or our local one."""
    for i, arg in enumerate(beam_args):
        if arg.startswith("--runner="):
            return _short(arg.split("=", 1)[1])
        if arg == "--runner" and i + 1 < len(beam_args):
            return _short(beam_args[i + 1])
    return "DirectRunner"


def _short(name: str) -> str:
    """One of our local runners without its package; any other as it is."""
    return last if (last := name.rsplit(".", 1)[-1]) in LOCAL else name


def is_local(beam_args: Sequence[str]) -> bool:
    return runner_of(beam_args) in LOCAL


def options(workers: int, beam_args: Sequence[str] = ()) -> PipelineOptions:
    """Beam's options: ours for a local run, the user's own flags for another engine.

    Raises InputError for flags that Beam does not know or would take in silence, and for a runner it does not have.
    """
    own = [a for i, a in enumerate(beam_args) if not _names_runner(beam_args, i)]
    if is_local(beam_args):
        args = ["--runner=FnApiRunner", f"--direct_num_workers={workers}", *own]
    else:
        args = [f"--runner={runner_of(beam_args)}", "--no_save_main_session", *own]
    unknown = [a for a in _parser().parse_known_args(args)[1] if a.startswith("-")]
    if not is_local(beam_args) and (server := job_server_of(beam_args)):
        theirs = described_by(server)
        unknown = [a for a in unknown if a.lstrip("-").split("=", 1)[0] not in theirs]
    faults = [Fault(flag, None, "no Beam option has this name", "see Beam's pipeline options") for flag in unknown]
    if beam_args and beam_args[-1] == "--runner":
        faults.append(Fault("--runner", None, "names no runner", "write --runner=NAME"))
    elif not is_local(beam_args):
        faults += _runner_faults(runner_of(beam_args))
    if faults:
        raise InputError(faults)
    return PipelineOptions(args)


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


def finish(pipeline: beam.Pipeline) -> None:
    """Run a pipeline to its end. Where we are interrupted, the job that an engine elsewhere has of it ends too."""
    result = pipeline.run()
    try:
        result.wait_until_finish()
    except BaseException as error:
        if not isinstance(error, Exception):
            with suppress(Exception):
                result.cancel()
        raise


def job_server_of(beam_args: Sequence[str]) -> str | None:
    """The job server that the flags name."""
    endpoint: str | None = PipelineOptions(list(beam_args)).view_as(PortableOptions).job_endpoint
    return None if endpoint == "embed" else endpoint


@cache
def described_by(server: str) -> frozenset[str]:
    """The options that a job server knows beside Beam's own; raises InputError where none answers."""
    import grpc
    from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

    with grpc.insecure_channel(server) as channel:
        service = beam_job_api_pb2_grpc.JobServiceStub(channel)
        request = beam_job_api_pb2.DescribePipelineOptionsRequest()
        try:
            answer = service.DescribePipelineOptions(request, timeout=ANSWER_SECONDS, wait_for_ready=True)
        except grpc.RpcError as error:
            what = f"no job server of Beam answers there ({error.code().name.lower().replace('_', ' ')})"
            todo = "start it (deploy/flink/local-cluster.sh up), or check the address"
            raise InputError([Fault(f"--job_endpoint={server}", None, what, todo)]) from None
    return frozenset(option.name for option in answer.options)


def _names_runner(args: Sequence[str], i: int) -> bool:
    return args[i].startswith("--runner=") or args[i] == "--runner" or (i > 0 and args[i - 1] == "--runner")


def _runner_faults(name: str) -> Iterator[Fault]:
    try:
        create_runner(name)
    except (ValueError, ImportError, AttributeError, TypeError) as error:
        what, _, known = str(error).partition(" Valid values are ")
        todo = f"use one of {known}" if known else "install what it needs"
        yield Fault(f"--runner={name}", None, f"Beam cannot use it: {what}", todo)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:  # argparse would print all of Beam's flags and leave
        raise InputError([Fault("Beam's flags", None, message, "see Beam's pipeline options")])


def _parser() -> argparse.ArgumentParser:
    """All of Beam's flags, to find those that it would drop in silence."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    for cls in PipelineOptions.__subclasses__():
        cls._add_argparse_args(parser)
    return parser
