"""Segments painted by the workers of a Ray cluster."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from concurrent.futures import Future
from types import ModuleType
from typing import TypeVar

from vidstyle.errors import DeviceError
from vidstyle.optional_imports import require
from vidstyle.segments.executors.base import Workers

T = TypeVar("T")

_MOST_CORES = 4  # of one segment: painting gains little from more
_PATIENCE = 10  # s until the head of a cluster must have answered
_RETRIES = 3  # after the death of a worker or its machine


def open_workers(address: str) -> RayWorkers:
    """The cluster at ``address`` (``auto``: the one of this machine); "": that one, or else a new one."""
    return RayWorkers(address)


class RayWorkers:
    """A Ray cluster: each segment takes up to 4 cores, or one GPU where there are any; a context."""

    threads: int | None = None  # Ray sets OMP_NUM_THREADS to the cores of a segment

    def __init__(self, address: str) -> None:
        self._address = address
        self._ray = require("ray", "--workers ray")
        self._refs: list[object] = []

    def __enter__(self) -> Workers:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the coming default; else it warns
        ray = self._ray
        self._is_own = not ray.is_initialized()
        if self._is_own:
            address = self._address or os.environ.get("RAY_ADDRESS") or None
            try:
                place = _reachable(address, ray)
                ray.init(
                    address=place,
                    include_dashboard=False if not self._address else None,
                    log_to_driver=False,
                    logging_level="ERROR",
                )
            except (OSError, OverflowError, ValueError, RuntimeError) as error:
                text = " ".join(str(error).split())[:200]
                raise DeviceError(
                    f"no Ray cluster at {address or 'this machine'} ({text}); "
                    "start one with `ray start --head`"
                ) from error
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        cores = int(min(node.get("CPU", 0) for node in nodes if node.get("CPU")))
        gpus = int(sum(node.get("GPU", 0) for node in nodes))
        taken = min(_MOST_CORES, max(1, cores))
        # one more than there is room for waits, so that no machine is idle between two segments
        self.slots = 1 + (gpus or int(sum(node.get("CPU", 0) // taken for node in nodes)))
        self._options = {
            "num_cpus": taken,
            "num_gpus": 1 if gpus else 0,
            "max_retries": _RETRIES,
            "retry_exceptions": False,
        }
        return self

    def __exit__(self, *error: object) -> None:
        if self._is_own:
            self._ray.shutdown()

    def submit(self, function: Callable[..., T], *arguments: object) -> Future[T]:
        ref = self._ray.remote(**self._options)(_called).remote(function, *arguments)
        self._refs.append(ref)
        future: Future[T] = ref.future()
        return future

    def recover(self) -> None:
        """Do nothing: the cluster starts workers anew."""

    def cancel(self) -> None:
        for ref in self._refs:
            self._ray.cancel(ref, force=False)


def _reachable(address: str | None, ray: ModuleType) -> str | None:
    """``address`` as ``ray.init`` takes it; Ray would try for minutes to reach a head that is not there.

    If none was given, and the last cluster of this machine has died, it is "local": a new one. Raises
    ``OSError`` or ``OverflowError`` if nobody listens at HOST:PORT.
    """
    place = _last_cluster(ray) if address in (None, "auto") else address
    host, _, port = (place or "").rpartition(":")
    if "://" in host or not port.isdecimal():
        return address
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
    except OSError:
        if address is None:
            return "local"
        raise
    return address


def _last_cluster(ray: ModuleType) -> str | None:
    """HOST:PORT of the head that was last started on this machine, which may have died; None: not known."""
    try:
        place: str | None = ray._private.utils.read_ray_address()
    except AttributeError:  # it is no public function
        return None
    return place


def _called(function: Callable[..., T], *arguments: object) -> T:
    return function(*arguments)
