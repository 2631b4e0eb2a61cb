"""A pool of workers: what `--environment_type=EXTERNAL` asks for a process, one pool a machine."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

from schemas.errors import Fault, InputError

LOG = logging.getLogger(__name__)
STOP_SECONDS = 10.0  # that a worker may take to end by itself


class Pool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):  # type: ignore[misc]
    """Starts a worker process for each request, and ends it when it is no longer wanted."""

    def __init__(self) -> None:
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def StartWorker(
        self, request: beam_fn_api_pb2.StartWorkerRequest, context: grpc.ServicerContext
    ) -> beam_fn_api_pb2.StartWorkerResponse:
        """Start the worker that an engine asks for."""
        command = [sys.executable, "-m", "pipelines.boot", f"--id={request.worker_id}"]
        command.append(f"--provision_endpoint={request.provision_endpoint.url}")
        try:
            worker = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        except OSError as error:
            return beam_fn_api_pb2.StartWorkerResponse(error=f"no worker could be started: {error}")
        LOG.info("worker %s has process %d", request.worker_id, worker.pid)
        with self._lock:
            for name in [n for n, w in self._workers.items() if w.poll() is not None]:
                del self._workers[name]  # it ended by itself
            self._workers[request.worker_id] = worker
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(
        self, request: beam_fn_api_pb2.StopWorkerRequest, context: grpc.ServicerContext
    ) -> beam_fn_api_pb2.StopWorkerResponse:
        """End a worker, gently at first."""
        with self._lock:
            worker = self._workers.pop(request.worker_id, None)
        if worker is not None:
            _end([worker])
        return beam_fn_api_pb2.StopWorkerResponse()

    def close(self) -> None:
        """End all workers."""
        with self._lock:
            left, self._workers = list(self._workers.values()), {}
        _end(left)


def serve(host: str, port: int) -> None:
    """Run a pool until the process is told to end. Raises InputError where the address is not to be had."""
    pool = Pool()
    # one address, one owner: with the system's default two pools would share the port, each taking half the requests
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError:
        what, todo = "no pool can listen there", "is another at work? Choose another --port"
        raise InputError([Fault(f"{host}:{port}", None, what, todo)]) from None
    done = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        done.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.start()
    sys.stderr.write(f"cotmonitor-worker: a pool of workers listens at {host}:{bound}\n")
    done.wait()
    server.stop(None)
    pool.close()


def _end(workers: list[subprocess.Popen[bytes]]) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        try:
            worker.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
