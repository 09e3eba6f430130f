"""Segments painted by processes of this machine, which share its cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from pathlib import Path
from typing import TypeVar

from vidstyle.device import cores
from vidstyle.segments.executors.base import Workers

T = TypeVar("T")

_GRACE = 10.0  # s after which a process that was told to stop ends in the middle of a frame
_POLL = 0.5  # s


def open_workers(count: str, folder: Path) -> LocalWorkers:
    """``count`` processes; they end with this one, however it ends."""
    return LocalWorkers(int(count), folder)


class LocalWorkers:
    """Processes that each paint one segment at a time; a context."""

    def __init__(self, count: int, folder: Path) -> None:
        self.slots = count
        self.threads: int | None = max(1, cores() // count)
        self._folder = folder

    def __enter__(self) -> Workers:
        self._pool = self._new_pool()
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, function: Callable[..., T], *arguments: object) -> Future[T]:
        return self._pool.submit(function, *arguments)

    def recover(self) -> None:
        """Begin with new processes if one was killed, with which a pool ends all others."""
        try:
            self._pool.submit(os.getpid)
        except BrokenProcessPool:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = self._new_pool()

    def cancel(self) -> None:
        """Give up what has not begun; processes look at the stop file."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _new_pool(self) -> ProcessPoolExecutor:
        # spawn: a fork of a process with threads, or with CUDA, may hang
        return ProcessPoolExecutor(
            self.slots,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(str(self._folder / "stop"),),
        )


def _begin(stop_file: str) -> None:
    """Set up a new process: Ctrl-C is for the one that started it, which tells the others."""
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_watch, args=(Path(stop_file),), name="watch", daemon=True).start()


def _watch(stop_file: Path) -> None:
    """End this process with the one that started it, or if it does not stop by itself."""
    parent = multiprocessing.parent_process()
    while parent is not None and not wait([parent.sentinel], timeout=_POLL):
        if stop_file.exists():
            time.sleep(_GRACE)
            break
    os._exit(1)
