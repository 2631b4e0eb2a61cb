"""A Python worker for an engine outside this process (Flink, Spark, ...): `cotmonitor-worker`.

It speaks the contract of Beam's worker containers, whose own starter is a Go program that no Python package holds. So
it serves as the command of `--environment_type=PROCESS`, and `cotmonitor-worker --worker_pool` as the service that
`--environment_type=EXTERNAL` asks for workers. Both use the environment that they are installed in.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pipelines.hush import hush_beam
from schemas.errors import CotmonitorError, InputError
from schemas.parent import end_with_parent

if TYPE_CHECKING:
    import grpc
    from apache_beam.portability.api import beam_provision_api_pb2

PROVISION_SECONDS = 60.0  # a task manager that has asked for a worker and does not answer it is gone
# what the SDK stages of its own accord: a list of the launcher's packages, for people to read
NOTES = frozenset({"submission_environment_dependencies.txt"})
GONE = 70  # exit code of a worker whose engine went away


def main(argv: Sequence[str] | None = None) -> int:
    """Be a worker, or a pool of them; gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="cotmonitor-worker",
        description="A worker that Flink or Spark starts for `cotmonitor run` and `cotmonitor export`.",
        epilog='--environment_type=PROCESS --environment_config=\'{"command": "/path/to/cotmonitor-worker"}\', or '
        "`cotmonitor-worker --worker_pool` on each machine and --environment_type=EXTERNAL "
        "--environment_config=127.0.0.1:50000",
    )
    parser.add_argument("--worker_pool", action="store_true", help="wait for an engine that asks for workers")
    parser.add_argument("--host", default="127.0.0.1", help="where the pool listens  [default: 127.0.0.1]")
    parser.add_argument("--port", type=int, default=50_000, help="where the pool listens  [default: 50000]")
    parser.add_argument("--id", help="the worker's name, given by the engine")
    parser.add_argument("--provision_endpoint", help="where the worker learns what to do, given by the engine")
    for name in ("logging", "artifact", "control"):  # engines give these too; the provision endpoint says them better
        parser.add_argument(f"--{name}_endpoint", help=argparse.SUPPRESS)
    asked = parser.parse_args(argv)
    try:
        if asked.worker_pool:
            from pipelines.pool import serve

            serve(asked.host, asked.port)
            return 0
        if asked.id is None or asked.provision_endpoint is None:
            parser.error("an engine gives --id and --provision_endpoint; a person gives --worker_pool")
        work(asked.id, asked.provision_endpoint)
        return 0
    except CotmonitorError as error:
        sys.stderr.write(f"cotmonitor-worker: {error}\n")
        return 2 if isinstance(error, InputError) else 1


def work(worker: str, endpoint: str) -> None:
    """Do what the engine at `endpoint` asks for until it has no more; never returns if the engine goes away."""
    end_with_parent()
    hush_beam()
    info = provisioned(worker, endpoint)
    refuse_packages(info)
    os.environ.update(described(worker, info))
    watch(info.control_endpoint.url, lambda: os._exit(GONE))
    from apache_beam.runners.worker import sdk_worker_main

    try:
        sdk_worker_main.main([])
    except BaseException:
        logging.getLogger(__name__).exception("worker %s broke off", worker)
        os._exit(1)  # at once: a thread in the middle of a bundle would go on writing for an engine that has given up


def provisioned(worker: str, endpoint: str) -> beam_provision_api_pb2.ProvisionInfo:
    """What the engine tells its worker: options, and where to report."""
    import grpc
    from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc
    from apache_beam.runners.worker.worker_id_interceptor import WorkerIdInterceptor

    with grpc.insecure_channel(endpoint) as channel:
        named = grpc.intercept_channel(channel, WorkerIdInterceptor(worker))
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(named)
        request = beam_provision_api_pb2.GetProvisionInfoRequest()
        try:
            answer = service.GetProvisionInfo(request, timeout=PROVISION_SECONDS, wait_for_ready=True)
        except grpc.RpcError as error:
            raise CotmonitorError(f"{endpoint}: the engine that asked for a worker does not answer: {error}") from None
    info: beam_provision_api_pb2.ProvisionInfo = answer.info
    return info


def refuse_packages(info: beam_provision_api_pb2.ProvisionInfo) -> None:
    """Raise CotmonitorError where the run ships packages, which this worker would not install."""
    from apache_beam.portability.api import beam_runner_api_pb2

    names = []
    for artifact in info.dependencies:
        role = beam_runner_api_pb2.ArtifactStagingToRolePayload.FromString(artifact.role_payload)
        if role.staged_name not in NOTES:
            names.append(role.staged_name or artifact.type_urn)
    if names:
        raise CotmonitorError(
            f"the run ships {', '.join(sorted(names))}, and this worker installs nothing: it uses the environment "
            "that it was started from. Leave out --setup_file, --requirements_file and --extra_package, and install "
            "the same cotmonitor where the workers run."
        )


def described(worker: str, info: beam_provision_api_pb2.ProvisionInfo) -> dict[str, str]:
    """The environment variables by which Beam's worker learns what the engine said."""
    from google.protobuf import json_format, text_format

    endpoints = {
        "LOGGING": info.logging_endpoint,
        "CONTROL": info.control_endpoint,
        "STATUS": info.status_endpoint,
    }
    return {
        "WORKER_ID": worker,
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
        **{f"{k}_API_SERVICE_DESCRIPTOR": text_format.MessageToString(e) for k, e in endpoints.items() if e.url},
    }


def watch(endpoint: str, gone: Callable[[], None]) -> grpc.Channel:
    """Call `gone` when the engine at `endpoint`, once reached, cannot be reached any more.

    Beam's own worker would first finish its bundle, and that may write long after another worker has taken over.
    """
    import grpc

    channel = grpc.insecure_channel(endpoint, [("grpc.keepalive_time_ms", 20_000)])
    met = False

    def changed(state: grpc.ChannelConnectivity) -> None:
        nonlocal met
        if state is grpc.ChannelConnectivity.READY:
            met = True
        elif met:
            gone()

    channel.subscribe(changed, try_to_connect=True)
    return channel


if __name__ == "__main__":
    raise SystemExit(main())
