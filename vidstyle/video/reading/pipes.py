"""Pipes as input: their bytes are buffered in a temporary file, so that they can be read more than once."""

from __future__ import annotations

import os
import select
import stat
import sys
import tempfile
import threading
from pathlib import Path
from time import monotonic

from vidstyle.errors import InputError

STDIN = "-"
_TIMEOUT = 60.0  # s until the first byte
_POLL = 0.1  # s between two checks of ``Pipe.has_ended``
_CHUNK = 1 << 16  # bytes
_STREAMED = (b"nut/multimedia", b"YUV4MPEG2", b"\x1a\x45\xdf\xa3", b"\x47")  # NUT, y4m, Matroska, MPEG-TS
_PIPES: dict[str, Pipe] = {}  # of this process, by path: a pipe can be read only once
_opening = threading.Lock()


def is_pipe(path: Path) -> bool:
    """Whether ``path`` is ``-`` (standard input), or exists and is neither a file nor a folder."""
    if str(path) == STDIN:
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def pipe_at(path: Path) -> Pipe:
    """The one ``Pipe`` of ``path`` in this process; raises ``InputError`` if it cannot be opened."""
    with _opening:
        name = str(path)
        if name not in _PIPES:
            _PIPES[name] = Pipe(path)
        return _PIPES[name]


def stop_waiting(path: Path) -> None:
    """End the pipe at ``path``, if there is one, for threads that wait for its bytes."""
    if str(path) in _PIPES:
        _PIPES[str(path)].has_ended = True


def check_interruption(path: Path) -> None:
    """Raise the exception (a signal's) that interrupted reading ``path``, which FFmpeg cannot pass on."""
    pipe = _PIPES.get(str(path))
    if pipe is not None and pipe.interruption is not None:
        raise pipe.interruption


class Pipe:
    """The bytes of a pipe, buffered; thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.has_ended = False
        self.interruption: BaseException | None = None
        if str(path) == STDIN:
            if sys.stdin is None or sys.stdin.isatty():
                raise InputError("nothing is piped into vidstyle; '-' reads a clip from standard input")
            self._descriptor = sys.stdin.fileno()
        else:
            try:  # without waiting for a writer
                self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            except OSError as error:
                raise InputError(f"{path} cannot be opened: {error.strerror or error}") from error
        self._buffer = tempfile.TemporaryFile(prefix="vidstyle-")  # noqa: SIM115 - as long as the process
        self._size = 0
        self._arriving, self._file = threading.Lock(), threading.Lock()

    def read(self, position: int, count: int) -> bytes:
        """Up to ``count`` bytes from ``position`` on, at least one; none at the end.

        Blocks until they arrive. Raises ``InputError`` if no byte arrives within 60 s.
        """
        while position >= self._size:
            with self._arriving:
                if position >= self._size and not self._receive():
                    return b""
        with self._file:
            self._buffer.seek(position)
            return self._buffer.read(min(count, self._size - position))

    def close(self) -> None:
        """Close the pipe and its buffer."""
        self._buffer.close()
        if str(self._path) != STDIN:
            os.close(self._descriptor)

    def _receive(self) -> bool:
        """Wait for more bytes and buffer them; False at the end."""
        begun = monotonic()
        while not self.has_ended:
            if os.name != "nt" and not select.select([self._descriptor], [], [], _POLL)[0]:
                if not self._size and monotonic() - begun > _TIMEOUT:
                    raise InputError(f"nothing came through {self._path} in {_TIMEOUT:g} s; start its writer")
                continue
            try:
                chunk = os.read(self._descriptor, _CHUNK)
            except BlockingIOError:
                continue
            if not chunk:
                self.has_ended = True
                break
            with self._file:
                self._buffer.seek(self._size)
                self._buffer.write(chunk)
                self._size += len(chunk)
            return True
        return False


class PipeReader:
    """A pipe from its beginning as a file object for PyAV; raises ``InputError`` if it is empty."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._pipe = pipe_at(path)
        self._position = 0
        head = self._pipe.read(0, 16)  # outside of FFmpeg, where a signal raises as usual
        if not head:
            raise InputError(f"nothing came through {path}; see what should have written to it")
        # other formats may need a seek, for an index at their end
        self._is_streamed = head.startswith(_STREAMED)

    def read(self, count: int) -> bytes:
        try:
            data = self._pipe.read(self._position, count)
        except Exception:
            raise
        except BaseException as error:  # a signal, which FFmpeg would swallow: see check_interruption
            self._pipe.interruption, self._pipe.has_ended = error, True
            return b""
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        position = offset + (self._position if whence == os.SEEK_CUR else 0)
        if whence == os.SEEK_END or position < 0:
            return -1  # not an exception, which PyAV would print
        self._position = position
        return position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return not self._is_streamed
