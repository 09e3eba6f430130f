"""Stops that wait for the end of a step: Ctrl-C and SIGTERM while a run is trained."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Stop:
    """While it is entered, the first signal to stop is noted; a second one acts at once, as ever.

    ``act`` then lets the noted signal do what it would have done. Nothing is changed off the main thread.
    """

    def __init__(self) -> None:
        self._noted: int | None = None
        self._before: dict[int, Any] = {}

    @property
    def is_asked(self) -> bool:
        """Whether the run shall end after this step."""
        return self._noted is not None

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
            for number in (getattr(signal, name) for name in names):
                handler = signal.getsignal(number)
                if handler not in (signal.SIG_IGN, None):  # nohup stays in force
                    self._before[number] = handler
                    signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def act(self) -> None:
        """Do what the noted signal does: raise ``KeyboardInterrupt``, or what the program set up."""
        number = self._noted
        if number is not None:
            handler = self._before.get(number)
            self._restore()
            _deliver(number, handler, None)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._noted is None:
            self._noted = number
            return
        handler = self._before.get(number)
        self._restore()
        _deliver(number, handler, frame)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _deliver(number: int, handler: Any, frame: FrameType | None) -> None:
    if callable(handler):
        handler(number, frame)
    else:
        os.kill(os.getpid(), number)
