"""Segments painted by processes of this machine, which share its cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import TypeVar

from vidstyle.segments.executors.base import Workers

T = TypeVar("T")

_SILENT = "ignore:resource_tracker:UserWarning"
_GRACE = 3.0  # s in which a process that is told to stop may finish its frame


def open_workers(count: str) -> LocalWorkers:
    """``count`` processes; they end with this one, however it ends."""
    return LocalWorkers(int(count))


class LocalWorkers:
    """Processes that each paint one segment at a time; a context."""

    def __init__(self, count: int) -> None:
        from vidstyle.device import cores  # imports torch, which processes do once they paint

        self.slots = count
        self.threads: int | None = max(1, cores() // count)

    def __enter__(self) -> Workers:
        self._others = set(multiprocessing.active_children())
        self._pool = self._new_pool()
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, function: Callable[..., T], *arguments: object) -> Future[T]:
        with _interrupts_blocked():
            return self._pool.submit(function, *arguments)

    def recover(self) -> None:
        """Begin with new processes if one was killed, with which a pool ends all others."""
        try:
            self.submit(os.getpid)
        except BrokenProcessPool:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = self._new_pool()

    def cancel(self) -> None:
        """Give up what has not begun; processes look at the stop file, and are ended if they do not stop."""
        children = set(multiprocessing.active_children()) - self._others
        self._pool.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + _GRACE
        for child in children:
            child.join(max(0.0, deadline - time.monotonic()))
            child.terminate()

    def _new_pool(self) -> ProcessPoolExecutor:
        _start_tracker()
        # spawn: a fork of a process with threads, or with CUDA, may hang
        return ProcessPoolExecutor(
            self.slots,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
        )


def _start_tracker() -> None:
    """Start Python's process that frees the semaphores of a pool if this process is killed, but says nothing.

    It would warn of each kind that it frees, below the prompt of a shell in which nothing runs any more.
    """
    if os.name == "nt":  # has none
        return
    from multiprocessing import resource_tracker

    sys.warnoptions.append(_SILENT)  # of this process, which new ones are given
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.remove(_SILENT)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A context in which Ctrl-C waits; processes that begin in it never see one.

    It is for this process, which tells the others. Without, those that are just beginning end with an error.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """Set up a new process."""
    if not hasattr(signal, "pthread_sigmask"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_watch, name="watch", daemon=True).start()


def _watch() -> None:
    """End this process with the one that started it, however that ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
