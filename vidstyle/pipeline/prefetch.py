"""The threads of a run: an iterator in a thread of its own behind a bounded queue, and a side executor."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_thread = threading.local()  # its ``stop``: the stop flag of the thread of ``prefetch`` that looks at it
_POLL = 0.1  # s between checks of the stop flag while a queue is full or empty


class Unwanted(Exception):
    """The result of the work that goes on is not wanted any more; nobody sees this error."""


@dataclass
class Waits:
    """Waiting times (s) at the queue of one stage, which show the stage that limits a run."""

    full: float = 0.0
    """Seconds that the stage waited for its consumer, with the queue full."""
    empty: float = 0.0
    """Seconds that its consumer waited for an item, with the queue empty."""


@dataclass(frozen=True, slots=True)
class _End(Generic[T]):
    error: BaseException | None = None


def prefetch(
    items: Iterable[T], depth: int = 4, name: str = "prefetch", waits: Waits | None = None
) -> Generator[T, None, None]:
    """Yield ``items`` in order while a thread called ``name`` computes up to ``depth`` of them ahead.

    An error in ``items`` is raised here, with its own traceback, after the items before it. Closing the
    generator stops the thread, closes ``items`` in that thread, and waits for both. Use it under
    ``contextlib.closing``: a ``for`` loop that raises does not close its generator at once. Waiting times
    are added to ``waits``.
    """
    ready: queue.Queue[T | _End[T]] = queue.Queue(maxsize=depth)
    stop = threading.Event()
    clock = waits if waits is not None else Waits()

    def put(item: T | _End[T]) -> None:
        begun = perf_counter()
        while not stop.is_set():
            try:
                ready.put(item, timeout=_POLL)
                break
            except queue.Full:
                continue
        clock.full += perf_counter() - begun

    def work() -> None:
        _thread.stop = stop
        end: _End[T] = _End()
        source = iter(items)
        try:
            for item in source:
                put(item)
                del item  # frees a frame while the next is computed
                if stop.is_set():
                    break
        except BaseException as error:
            end = _End(error)
        finally:
            close: Any = getattr(source, "close", None)
            if close is not None:
                try:
                    close()
                except BaseException as error:
                    end = _End(end.error or error)
        put(end)

    def run() -> Generator[T, None, None]:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        try:
            while True:
                begun = perf_counter()
                item = _next_of(ready)
                clock.empty += perf_counter() - begun
                if isinstance(item, _End):
                    if item.error is not None:
                        raise item.error
                    return
                yield item
                del item
        finally:
            stop.set()
            while not ready.empty():  # wakes a producer that waits at a full queue
                ready.get_nowait()
            thread.join()

    return run()


@contextmanager
def interruptible(stop: threading.Event) -> Generator[None, None, None]:
    """In this context work in this thread ends soon after another thread sets ``stop``: by ``Unwanted``."""
    _thread.stop = stop
    try:
        yield
    finally:
        _thread.stop = None


def check_wanted() -> None:
    """Raise ``Unwanted`` if nobody wants the result of this thread's work any more; for work that takes long.

    In a thread of ``prefetch`` that is so once its consumer has gone.
    """
    stop: threading.Event | None = getattr(_thread, "stop", None)
    if stop is not None and stop.is_set():
        raise Unwanted


def _next_of(ready: queue.Queue[T | _End[T]]) -> T | _End[T]:
    """The next item of a queue; raises ``Unwanted`` while it waits if this thread is to stop."""
    while True:
        try:
            return ready.get(timeout=_POLL)
        except queue.Empty:
            check_wanted()


def side_thread(name: str) -> Executor:
    """An executor of one thread called ``name``, for work beside a stage; as a context it waits."""
    return ThreadPoolExecutor(1, name)
