"""What paints segments side by side, as the scheduler sees it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from vidstyle.errors import OptionError
from vidstyle.registry import EXECUTORS

T = TypeVar("T")


class Workers(Protocol):
    """Workers of one kind."""

    slots: int
    """How many calls may be submitted at a time."""
    threads: int | None
    """Threads of each worker; None: it knows itself."""

    def submit(self, function: Callable[..., T], *arguments: object) -> Future[T]:
        """Call ``function`` in a worker; the future has an error only if the worker has died."""

    def recover(self) -> None:
        """Make ready for further calls after workers have died."""

    def cancel(self) -> None:
        """Give up all calls; those that run are told by the stop file."""


OpenWorkers = Callable[[str], AbstractContextManager[Workers]]
"""Address -> the workers there; what ``EXECUTORS`` names."""


class ExecutorWorkers:
    """Workers of any executor of ``concurrent.futures``, which belongs to the caller."""

    threads: int | None = None

    def __init__(self, executor: Executor, slots: int) -> None:
        self._executor, self.slots = executor, slots

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the executor as it is."""

    def submit(self, function: Callable[..., T], *arguments: object) -> Future[T]:
        return self._executor.submit(function, *arguments)

    def recover(self) -> None:
        """Do nothing: if it is broken for good, the next calls fail too."""

    def cancel(self) -> None:
        """Do nothing: calls that have not begun are cancelled one by one."""


def open_workers(workers: str, executor: Executor | None) -> AbstractContextManager[Workers] | None:
    """The workers that ``--workers`` names, or those of ``executor``; None: this process paints alone."""
    if executor is not None and not workers.isdecimal():
        raise OptionError(
            f"workers {workers} and an executor are two ways to paint segments; give one of the two"
        )
    if executor is not None:
        return ExecutorWorkers(executor, int(workers) if workers.isdecimal() and workers != "1" else _SLOTS)
    if workers == "1":
        return None
    if workers.isdecimal():
        from vidstyle.segments.executors.local import open_workers as open_local

        return open_local(workers)
    name, _, address = workers.partition(":")
    opened: AbstractContextManager[Workers] = EXECUTORS.load(name)(address)
    return opened


_SLOTS = 32  # segments that are submitted at a time to an executor whose size is not known
