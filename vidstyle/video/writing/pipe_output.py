"""A result that goes through a pipe while it is made: standard output, or a named pipe."""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path

from vidstyle.errors import OutputError

_STDOUT = ("-", "/dev/stdout")
_PATIENCE = 60.0  # s until somebody must have opened a named pipe to read it
_POLL = 0.1  # s between two looks at a pipe


def is_stdout(target: Path) -> bool:
    """Whether ``target`` means standard output."""
    return str(target) in _STDOUT


def is_stream(target: Path) -> bool:
    """Whether what is written to ``target`` goes through a pipe, and cannot be taken back."""
    if is_stdout(target):
        return True
    try:
        return stat.S_ISFIFO(target.stat().st_mode)
    except (OSError, ValueError):  # not there, or a name that no file can have
        return False


def name_of(target: Path) -> str:
    """What ``target`` is called in messages."""
    return "standard output" if is_stdout(target) else str(target)


def check_stream(target: Path) -> None:
    """Raise ``OutputError`` if nothing can be sent through ``target``."""
    if not is_stdout(target):
        if not os.access(target, os.W_OK):
            raise OutputError(f"{target} may not be written to; change its permissions")
    elif sys.__stdout__ is None:
        raise OutputError("standard output is closed; give the name of a file in --output")
    elif os.isatty(sys.__stdout__.fileno()):
        raise OutputError(
            "standard output is a terminal, which shows no video; pipe it into a program (… -o - | ffplay -) "
            "or give the name of a file"
        )


class PipeOutput:
    """Takes what FFmpeg writes, and sends it when it is told to.

    FFmpeg calls ``write`` from where no signal and no exception can get out; ``send`` waits for the reader.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self._waiting = bytearray()
        self._descriptor: int | None = None

    def write(self, data: bytes) -> int:
        """Keep ``data`` until it is sent."""
        self._waiting += data
        return len(data)

    def send(self) -> None:
        """Send all that waits; raises ``OSError``, and ``OutputError`` if nobody reads."""
        if self._descriptor is None:
            self._descriptor = _opened(self.target)
        left = memoryview(bytes(self._waiting))
        self._waiting.clear()
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:  # whoever shares the pipe asked for that
                select.select([], [self._descriptor], [], _POLL)

    def keep(self) -> None:
        """Send what is left, and let the reader see the end."""
        self.send()
        self.discard()

    def discard(self) -> None:
        """Let go of the pipe; never raises."""
        if self._descriptor is not None and not is_stdout(self.target):
            with suppress(OSError):
                os.close(self._descriptor)
        self._descriptor = None


def _opened(target: Path) -> int:
    if is_stdout(target):
        assert sys.__stdout__ is not None  # it was checked
        return sys.__stdout__.fileno()
    begun = time.monotonic()
    while True:
        try:  # without waiting, which only a signal would end
            descriptor = os.open(target, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        else:
            os.set_blocking(descriptor, True)
            return descriptor
        if time.monotonic() - begun > _PATIENCE:
            raise OutputError(f"nobody read from {target} in {_PATIENCE:g} s; start its reader")
        time.sleep(_POLL)
