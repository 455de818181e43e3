"""The process that speaks to Ray for a run. It opens the cluster, and starts workers where Ray places them.

Ray has a process of its own because it changes its host: it takes over signals and logs, and ends the process when the
cluster is lost. This process knows no key. When its stream to the driver ends, it ends all that it has started.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

from ..journal.wire import Frames, WireError, framed
from ..vocabulary.json_value import Json
from .placer_words import plain_reason

MEMORY = 80 * 1024 * 1024
"""The bytes of the store of objects of a local cluster. Ray refuses fewer, and nothing is put there."""
_PART = 1 << 16


def main(stream: int, folder: str) -> None:
    """Serve the driver over the socket with this number. ``folder`` is removed at the end; "" is none."""
    end = socket.socket(fileno=stream)
    end.set_inheritable(False)
    placer = _Placer(end)
    try:
        for message in _messages(end):
            placer.hear(message)
    finally:
        placer.close()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _messages(end: socket.socket) -> Iterator[dict[str, Any]]:
    frames = Frames()
    with suppress(OSError, WireError):
        while data := end.recv(_PART):
            for frame in frames.feed(data):
                yield from frame


class _Placer:
    """The actors of one run, by the numbers that the driver gave them."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._sending = threading.Lock()
        self._ray: Any = None
        self._kind: Any = None
        self._actors: dict[int, Any] = {}

    def hear(self, message: dict[str, Any]) -> None:
        for name, found in message.items():
            match name:
                case "open":
                    self._open(**found)
                case "start":
                    self._start(**found)
                case "kill":
                    self._kill(found)

    def _send(self, message: dict[str, Json]) -> None:
        # The driver may be gone, and then this process ends at once anyway.
        with self._sending, suppress(OSError):
            self._end.sendall(framed([message]))

    def _open(self, address: str, workers: int, folder: str) -> None:
        try:
            self._ray = ray = import_module("ray")
            common = {"log_to_driver": False, "logging_level": "CRITICAL", "namespace": "flowrun"}
            if address:
                ray.init(address, **common)
            else:
                ray.init(
                    "local",
                    num_cpus=workers,
                    include_dashboard=False,
                    object_store_memory=MEMORY,
                    _temp_dir=folder,
                    _node_ip_address="127.0.0.1",
                    **common,
                )
            nodes = [one for one in ray.nodes() if one["Alive"]]
            host = str(ray.util.get_node_ip_address())
            cpus = int(ray.cluster_resources().get("CPU", 0))
        except Exception as error:  # noqa: BLE001  the driver must hear of it
            self._send({"refused": plain_reason(error, address)})
            return
        self._kind = ray.remote(_worker_kind())
        self._send({"opened": {"host": host, "cpus": cpus, "nodes": len(nodes), "version": ray.__version__}})

    def _start(self, number: int, given: list[Json]) -> None:
        try:
            options = {"num_cpus": 1, "max_restarts": 0, "max_task_retries": 0, "scheduling_strategy": "SPREAD"}
            self._actors[number] = actor = self._kind.options(**options).remote()
            # Ray sends the arguments of a method straight to the actor's process, and keeps them in no store or table.
            future = actor.run.remote(*given).future()
        except Exception as error:  # noqa: BLE001  the driver must hear of it
            self._send({"over": number, "why": plain_reason(error, "")})
            return
        future.add_done_callback(lambda done: self._over(number, done))

    def _over(self, number: int, done: Any) -> None:
        error = done.exception()
        self._send({"over": number, "why": str(done.result()) if error is None else plain_reason(error, "")})

    def _kill(self, number: int) -> None:
        actor = self._actors.pop(number, None)
        if actor is not None:
            # The actor may be dead, or its node gone.
            with suppress(self._ray.exceptions.RayError, ValueError, RuntimeError):
                self._ray.kill(actor, no_restart=True)

    def close(self) -> None:
        if self._ray is not None:
            threading.Timer(_END, lambda: os._exit(1)).start()
            with suppress(self._ray.exceptions.RayError, OSError, RuntimeError):
                self._ray.shutdown()


_END = 15.0
"""The seconds that Ray has to end."""


def _worker_kind(module: str = "flowrun.runtime.session.far_worker") -> type:
    """Return the class of the actors. Ray sends its code, so a node without flowrun can say what it lacks."""

    class FlowrunWorker:
        def run(self, hosts: list[str], port: int, ticket: str, path: list[str] | None) -> str:
            if path is not None:
                sys.path[:] = path
            try:
                main = import_module(module).main
            except ImportError as error:
                node = __import__("ray").util.get_node_ip_address()
                return (
                    f"the node {node} cannot load the package flowrun-dsl ({error}): install it there "
                    f"for {sys.executable}"
                )
            return str(main(hosts, port, ticket))

    return FlowrunWorker
