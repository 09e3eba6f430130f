"""Results written to a pipe: standard output, or a named pipe."""

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
from vidstyle.outputs import is_stdout

_TIMEOUT = 60.0  # s until a reader must have opened a named pipe
_POLL = 0.1  # s between two checks of a pipe


def is_stream(target: Path) -> bool:
    """Whether ``target`` is standard output or a named pipe."""
    if is_stdout(target):
        return True
    try:
        return stat.S_ISFIFO(target.stat().st_mode)
    except (OSError, ValueError):  # it does not exist, or is no valid name
        return False


def target_name(target: Path) -> str:
    """The name of ``target`` in messages."""
    return "standard output" if is_stdout(target) else str(target)


def check_stream(target: Path) -> None:
    """Raise ``OutputError`` if ``target``, a pipe, cannot be written to."""
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
    """Buffers what FFmpeg writes until ``send`` writes it to the pipe.

    FFmpeg calls ``write`` from C code, where signals and exceptions are lost, so it must not block.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self._buffer = bytearray()
        self._descriptor: int | None = None

    def write(self, data: bytes) -> int:
        """Buffer ``data``; returns its length."""
        self._buffer += data
        return len(data)

    def send(self) -> None:
        """Write the buffered data; waits for the reader.

        Raises ``OSError``, and ``OutputError`` if no reader opens the pipe.
        """
        if self._descriptor is None:
            self._descriptor = _open(self.target)
        left = memoryview(bytes(self._buffer))
        self._buffer.clear()
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:  # another process made the pipe non-blocking
                select.select([], [self._descriptor], [], _POLL)

    def claim(self) -> None:
        """Do nothing: what is written to a pipe is its reader's."""

    def release(self) -> None:
        """Do nothing; see ``claim``."""

    def keep(self) -> None:
        """Write the remaining data and close the pipe."""
        self.send()
        self.discard()

    def discard(self) -> None:
        """Close the pipe; never raises."""
        if self._descriptor is not None and not is_stdout(self.target):
            with suppress(OSError):
                os.close(self._descriptor)
        self._descriptor = None


def _open(target: Path) -> int:
    """The descriptor of ``target``, once a reader has opened it; raises ``OutputError`` if none does."""
    if is_stdout(target):
        assert sys.__stdout__ is not None  # it was checked
        return sys.__stdout__.fileno()
    begun = time.monotonic()
    while True:
        try:  # without blocking until a reader comes, perhaps forever
            descriptor = os.open(target, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        else:
            os.set_blocking(descriptor, True)
            return descriptor
        if time.monotonic() - begun > _TIMEOUT:
            raise OutputError(f"nobody read from {target} in {_TIMEOUT:g} s; start its reader")
        time.sleep(_POLL)
