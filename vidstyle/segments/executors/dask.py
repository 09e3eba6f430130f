"""Segments painted by the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from vidstyle.errors import DeviceError, OptionError
from vidstyle.optional_imports import require
from vidstyle.segments.executors.base import Workers

T = TypeVar("T")

_PATIENCE = 30  # s until the scheduler must have answered, and have a worker


def open_workers(address: str) -> DaskWorkers:
    """The cluster whose scheduler is at ``address``, like ``tcp://machine:8786``."""
    if not address:
        raise OptionError("--workers dask needs the scheduler's address: dask:tcp://machine:8786")
    return DaskWorkers(address)


class DaskWorkers:
    """A Dask cluster: each thread of a worker paints one segment at a time; a context."""

    threads: int | None = None  # Dask sets OMP_NUM_THREADS of its workers

    def __init__(self, address: str) -> None:
        self._address = address
        self._distributed = require("distributed", "--workers dask")

    def __enter__(self) -> Workers:
        try:
            # before there is a client, which would wait for a minute until it closes
            self._distributed.comm.get_address_host_port(self._address)
            self._client = self._distributed.Client(
                self._address, timeout=_PATIENCE, set_as_default=False, name="vidstyle"
            )
        except (OSError, ValueError) as error:
            text = " ".join(str(error).split())[:200]
            raise DeviceError(
                f"no Dask scheduler at {self._address} ({text}); start one with `dask scheduler`"
            ) from error
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            self._client.close()
            raise DeviceError(
                f"the Dask scheduler at {self._address} has no worker; start some with "
                f"`dask worker {self._address} --nthreads 1`"
            ) from error
        self._executor = self._client.get_executor(pure=False)
        # one more than there is room for waits, so that no worker is idle between two segments
        self.slots = 1 + sum(self._client.nthreads().values())
        return self

    def __exit__(self, *error: object) -> None:
        self._executor.shutdown(wait=False)
        self._client.close()

    def submit(self, function: Callable[..., T], *arguments: object) -> Future[T]:
        future: Future[T] = self._executor.submit(function, *arguments)
        return future

    def recover(self) -> None:
        """Do nothing: the cluster starts workers anew."""

    def cancel(self) -> None:
        self._executor.shutdown(wait=False)
