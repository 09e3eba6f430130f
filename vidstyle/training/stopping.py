"""Signals to stop (Ctrl-C, SIGTERM, SIGHUP), delayed to the end of a training step."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Stop:
    """A context in which the first signal to stop is only noted; a second one has its usual effect at once.

    ``act`` then carries out the noted signal. Outside the main thread it does nothing.
    """

    def __init__(self) -> None:
        self._noted: int | None = None
        self._before: dict[int, Any] = {}

    @property
    def is_asked(self) -> bool:
        """Whether a signal was noted: the run should end after this step."""
        return self._noted is not None

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
            for number in (getattr(signal, name) for name in names):
                handler = signal.getsignal(number)
                if handler not in (signal.SIG_IGN, None):  # such as after nohup
                    self._before[number] = handler
                    signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def act(self) -> None:
        """Carry out the noted signal: raise ``KeyboardInterrupt``, or call the program's own handler."""
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
