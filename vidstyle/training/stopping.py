"""Signals to stop (Ctrl-C, SIGTERM, SIGHUP), delayed to the end of a training step."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Stop:
    """A context that defers the first signal to stop; a second signal has its normal effect at once.

    ``deliver`` carries out the deferred signal. Outside the main thread the context has no effect.
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._before: dict[int, Any] = {}

    @property
    def is_requested(self) -> bool:
        """Whether a signal was received: the run should end after this step."""
        return self._received is not None

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
            for number in (getattr(signal, name) for name in names):
                handler = signal.getsignal(number)
                if handler not in (signal.SIG_IGN, None):  # ignored, for example by nohup
                    self._before[number] = handler
                    signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def deliver(self) -> None:
        """Carry out the deferred signal: raise ``KeyboardInterrupt``, or call the program's own handler."""
        number = self._received
        if number is not None:
            handler = self._before.get(number)
            self._restore()
            _deliver(number, handler, None)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._received is None:
            self._received = number
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
        signal.raise_signal(number)
